"""Accounts with pools of two or three tokens, sealed credentials of real size, people, macros: written by COPY."""

import random
import string
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from accounts import api_keys, pool
from accounts.models import Account, AccountToken, ApiKey
from macros.models import Macro, MacroAccount, MacroAction
from tokens import vault
from tokens.models import ChannelApp, Token, token_owner
from users.models import Team, User

CHANNEL = "facebook"
FIRST_NATIVE_ID = 1_000_000_000
TOKEN_LETTERS = 200  # of an access token, as Facebook's are
BATCH = 10_000  # accounts settled in one transaction
TEAMS = 10
MACROS = 200
APPLICATIONS = 2  # macros on each account
AGENCY_POOLS = 10_000  # accounts that one agency's token serves
TABLES = (
    "users_user", "tokens_token", "accounts_account", "accounts_accounttoken", "accounts_accountevent",
    "macros_macroaccount", "macros_notice", "notifications_message",
)  # fmt: skip
DAYS = ([30, 7, 1], [14], [10, 3], [7])


def fill(*, accounts: int, now: datetime) -> None:
    """Empty the tables and write a whole installation: `accounts` accounts, 0.6 tokens for each, all pools settled.

    Token 1 (the agency's) is in the pools of the first 10,000 accounts; nobody's rank prefers it.
    """
    chance = random.Random(7)  # the same data in every run
    _empty()
    teams = [Team.objects.get_or_create(name=f"Team {number}")[0].pk for number in range(TEAMS)]
    app = ChannelApp(channel=CHANNEL, client_id="benchmark", state=ChannelApp.State.LIVE)
    app.set_secrets(["s" * 32])
    app.save()
    tokens = max(accounts * 6 // 10, 4)
    people = max(tokens // 20, 4)
    copy(
        User,
        ("email", "name", "password"),
        ((f"p{n}@example.com", f"Person {n}", "!") for n in range(people)),
    )
    users = list(User.objects.order_by("pk").values_list("pk", flat=True))
    copy(Token, TOKEN_COLUMNS, _tokens(app, tokens, users, chance, now))
    names = ((CHANNEL, str(FIRST_NATIVE_ID + n), f"Account {n}", teams[n % TEAMS]) for n in range(accounts))
    copy(Account, ("channel", "native_id", "name", "team"), names)
    copy(AccountToken, ("account", "token", "can_publish"), _pools(accounts, tokens, chance))
    _macros(accounts, chance)
    analyse()
    settle_all(accounts=accounts, now=now, cause="imported")
    analyse()


def settle_all(*, accounts: int, now: datetime, cause: str) -> None:
    """Settle every account, 10,000 in one transaction."""
    for ids in batches(accounts):
        with transaction.atomic():
            pool.settle(account_ids=ids, cause=cause, now=now)


def batches(accounts: int) -> Iterator[range]:
    """Return the ids of all accounts (they count from 1) in the batches that are settled together."""
    for first in range(1, accounts + 1, BATCH):
        yield range(first, min(first + BATCH, accounts + 1))


def make_key() -> str:
    """Return the secret of an API key that leases for all teams."""
    key, text = api_keys.issue(
        name="benchmark", scopes=list(ApiKey.Scope.values), teams=list(Team.objects.all())
    )
    ApiKey.objects.filter(pk=key.pk).update(
        last_used_at=timezone.now()
    )  # noted once an hour, so not in most calls
    return text


def analyse() -> None:
    """Give the planner what autovacuum would have given it in time."""
    with connection.cursor() as cursor:
        cursor.execute(f"vacuum analyze {', '.join(TABLES)}")


def copy(model: type[models.Model], names: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """COPY rows into the model's table. Fields that are not named get their default."""
    options = model._meta  # noqa: SLF001  # Django documents it
    fields = [field for field in options.concrete_fields if not field.primary_key]
    given = {name: options.get_field(name) for name in names}
    # What the database fills in by itself is left to it.
    rest = [field for field in fields if field.name not in given and not field.has_db_default()]
    constants = tuple(_stored(field, field.get_default()) for field in rest)
    columns = [field.column for field in [*given.values(), *rest] if isinstance(field, models.Field)]
    quoted = ", ".join(f'"{column}"' for column in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        target = f'copy "{options.db_table}" ({quoted}) from stdin'
        with cursor.copy(target) as writer:  # psycopg's own, reached through Django's cursor
            for row in rows:
                writer.write_row((*row, *constants))


def _stored(field: models.Field[Any, Any], value: Any) -> Any:
    return field.get_db_prep_save(value, connection=connection)


def _empty() -> None:
    tables = ["tokens_channelapp", "accounts_account", "users_user", "macros_macro", "notifications_message"]
    with connection.cursor() as cursor:
        cursor.execute(f"truncate {', '.join(tables)} restart identity cascade")


TOKEN_COLUMNS = (
    "app", "native_user_id", "native_user_name", "credentials", "credentials_key", "consented_by", "issued_at", "access_expires_at",
    "deadline", "deadline_kind", "last_used_at",
)  # fmt: skip


def _tokens(
    app: ChannelApp, count: int, users: Sequence[int], chance: random.Random, now: datetime
) -> Iterator[tuple[Any, ...]]:
    for number in range(count):
        native = str(10**15 + number)
        text = "EAA" + "".join(chance.choices(string.ascii_letters, k=TOKEN_LETTERS - 3))
        sealed = vault.seal(token_owner(app, native), {"access_token": text})
        ends = now + timedelta(
            days=chance.uniform(2, 90) if number else 3
        )  # the agency's ends soon, so it covers nobody
        used = now  # a use is noted once an hour; here none is due, as in a busy hour
        yield (
            app.pk, native, f"Native {number}", sealed.ciphertext, sealed.key, users[number % len(users)],
            ends - timedelta(days=90), ends, ends, "date", used,
        )  # fmt: skip


def _pools(accounts: int, tokens: int, chance: random.Random) -> Iterator[tuple[int, int, str]]:
    for account in range(1, accounts + 1):
        pool_of = {1} if account <= AGENCY_POOLS else set()
        size = chance.choice((2, 3))
        while len(pool_of) < size:
            pool_of.add(chance.randint(2, tokens))
        for token in sorted(pool_of):
            yield account, token, "yes"


def _macros(accounts: int, chance: random.Random) -> None:
    copy(Macro, ("name",), ((f"Macro {number}",) for number in range(1, MACROS + 1)))
    actions = (
        (
            number,
            [f"staff{number % 40}@example.com"],
            True,
            DAYS[number % 4],
            "token" if number % 10 == 0 else "account",
        )
        for number in range(1, MACROS + 1)
    )
    copy(MacroAction, ("macro", "emails", "notify_consenters", "days", "watch"), actions)
    pairs = (
        (macro, account)
        for account in range(1, accounts + 1)
        for macro in chance.sample(range(1, MACROS + 1), APPLICATIONS)
    )
    copy(MacroAccount, ("macro", "account"), pairs)

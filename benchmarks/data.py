"""Accounts with pools of two or three tokens, sealed credentials of real size, people, macros.

Rows are written by SQL that makes them up on the server, or by COPY; foreign keys and large indexes are made once, at the end, as a dump is
restored. Only credentials are sealed one by one, by the vault, since each opens for its own row alone.
"""

import random
from base64 import urlsafe_b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from django.db import connection, models, transaction
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.models import Account, AccountToken, ApiKey
from accounts.pool import services as pool
from macros.models import Macro, MacroAccount, MacroAction
from tokens.models import ChannelApp, Token
from tokens.vault import services as vault
from users.models import Team, User

CHANNEL = "facebook"
FIRST_NATIVE_ID = 1_000_000_000
TOKEN_LETTERS = 200  # of an access token, as Facebook's are
BATCH = 10_000  # accounts settled in one transaction
TEAMS = 10
MACROS = 200  # of chosen accounts; two more are of all: one names an address, one the people who linked
APPLICATIONS = 2  # macros on each account
AGENCY_POOLS = 10_000  # accounts that one agency's token serves
TABLES = (
    "users_user", "tokens_token", "accounts_account", "accounts_accounttoken", "accounts_accountevent",
    "macros_macro", "macros_macroaction", "macros_macroaccount", "macros_notice", "notifications_message",
)  # fmt: skip
LOADED = (
    "tokens_token",
    "accounts_account",
    "accounts_accounttoken",
    "accounts_accountevent",
    "macros_macroaccount",
)
DAYS = ([30, 7, 1], [14], [10, 3], [7])


def fill(*, accounts: int, now: datetime) -> None:
    """Empty the tables and write a whole installation: `accounts` accounts, 0.6 tokens for each, all pools settled.

    Token 1 (the agency's) is in the pools of the first 10,000 accounts; nobody's rank prefers it.
    """
    chance = random.Random(7)  # the same data in every run
    empty()
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
    with made_at_the_end(_FOREIGN_KEYS):
        with made_at_the_end(_INDEXES):
            _tokens(app, tokens, users, chance, now)
            _accounts(accounts, teams)
            _pools(accounts, tokens)
            _macros(accounts)
        analyse()
        _settle_at_once(now)
    analyse()


def _settle_at_once(now: datetime) -> None:
    """Settle all accounts by the product's own statement, in one: in batches a million take minutes."""
    values: dict[str, Any] = {"now": now, "cause": "imported", "source": "", "note": ""}
    values |= dict.fromkeys(("accounts", "actor", "prefer"))
    with connection.cursor() as cursor:
        cursor.execute(pool.SETTLE, values)


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
    key, text = api_keys.issue_key(
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


def empty() -> None:
    """Empty the tables, and count ids from 1 again."""
    tables = ["tokens_channelapp", "accounts_account", "users_user", "macros_macro", "notifications_message"]
    with connection.cursor() as cursor:
        cursor.execute(f"truncate {', '.join(tables)} restart identity cascade")


def insert(model: type[models.Model], values: Mapping[str, str], source: str, *given: Any) -> None:
    """Insert rows that SQL makes up: for each field an expression over `source`, whose parameters are `given`.

    Fields that are not named get their default.
    """
    options = model._meta  # noqa: SLF001  # Django documents it
    rest = [
        field
        for field in options.concrete_fields
        if not field.primary_key and field.name not in values and not field.has_db_default()
    ]
    named = [options.get_field(name) for name in values]
    columns = ", ".join(f'"{field.column}"' for field in [*named, *rest] if isinstance(field, models.Field))
    chosen = ", ".join([*values.values(), *["%s"] * len(rest)])
    constants = [_stored(field, field.get_default()) for field in rest]
    with connection.cursor() as cursor:
        cursor.execute(
            f'insert into "{options.db_table}" ({columns}) select {chosen} from {source}',
            [*constants, *given],
        )


# What is dropped, and how it is made again.
_FOREIGN_KEYS = """
select format('alter table %%s drop constraint %%I', conrelid::regclass, conname),
       format('alter table %%s add constraint %%I %%s', conrelid::regclass, conname, pg_get_constraintdef(oid))
from pg_constraint where contype = 'f' and conrelid = any(%s::regclass[]) order by oid"""
_INDEXES = """
select format('drop index %%s', indexrelid::regclass), pg_get_indexdef(indexrelid)
from pg_index where not indisunique and indrelid = any(%s::regclass[]) order by indexrelid"""


@contextmanager
def made_at_the_end(kind: str) -> Iterator[None]:
    """Drop foreign keys or indexes of the tables that are loaded, and make them again after the block."""
    with connection.cursor() as cursor:
        cursor.execute(kind, [list(LOADED)])
        found = cursor.fetchall()
        for drop, _ in found:
            cursor.execute(drop)
    yield
    with connection.cursor() as cursor:
        for _, make in found:
            cursor.execute(make)


def _tokens(app: ChannelApp, count: int, users: Sequence[int], chance: random.Random, now: datetime) -> None:
    """Write tokens that end within 2 to 90 days; token 1, the agency's, in 3, so that it covers nobody.

    A use is noted once an hour; here none is due, as in a busy hour.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "drop table if exists sealed; create temp table sealed (number int, credentials bytea, key text)"
        )
        with cursor.copy(
            "copy sealed from stdin"
        ) as writer:  # psycopg's own, reached through Django's cursor
            for number in range(count):
                text = (
                    "EAA" + urlsafe_b64encode(chance.randbytes(TOKEN_LETTERS)).decode()[: TOKEN_LETTERS - 3]
                )
                one = vault.seal(app.token_owner(_native(number)), {"access_token": text})
                writer.write_row((number, one.ciphertext, one.key))
        cursor.execute("select setseed(0.7)")
    insert(
        Token,
        {
            "app": str(app.pk),
            "native_user_id": f"({_native(0)} + number)::text",
            "native_user_name": "'Native ' || number",
            "credentials": "credentials",
            "credentials_key": "key",
            "consented_by": "person",
            "issued_at": "ends - interval '90 days'",
            "access_expires_at": "ends",
            "deadline": "ends",
            "deadline_kind": "'date'",
            "last_used_at": "moment",
        },
        "(select *, (%s::bigint[])[1 + number %% %s] as person,"
        " moment + case when number = 0 then 3 else 2 + 88 * random() end * interval '1 day' as ends"
        " from (select *, %s::timestamptz as moment from sealed order by number) s) t",
        list(users), len(users), now,
    )  # fmt: skip


def _native(number: int) -> str:
    return str(10**15 + number)


def _accounts(accounts: int, teams: Sequence[int]) -> None:
    insert(
        Account,
        {
            "channel": f"'{CHANNEL}'",
            "native_id": f"({FIRST_NATIVE_ID} + n)::text",
            "name": "'Account ' || n",
            "team": "team",
        },
        "(select n, (%s::bigint[])[1 + n %% %s] as team from generate_series(0, %s - 1) n) a",
        list(teams), len(teams), accounts,
    )  # fmt: skip


def _pools(accounts: int, tokens: int) -> None:
    """Give each account two or three tokens, none of them twice: a step of random width leads from one to the next."""
    others = tokens - 1  # beside the agency's
    width = max((others - 1) // 2, 1)
    insert(
        AccountToken,
        {"account": "account", "token": "token", "can_publish": "'yes'"},
        """(
          select account, token from (
            select n as account, floor(random() * 2) + 2 as size, floor(random() * %s)::int as first,
                   1 + floor(random() * %s)::int as step, 1 + floor(random() * %s)::int as next
            from generate_series(1, %s) n
          ) a cross join lateral (values
            (case when account <= %s then 1 else 2 + first %% %s end, 1), (2 + (first + step) %% %s, 2),
            (2 + (first + step + next) %% %s, 3)
          ) p (token, place)
          where place <= size order by account
        ) pools""",
        others, width, width, accounts, AGENCY_POOLS, others, others, others,
    )  # fmt: skip


def _macros(accounts: int) -> None:
    chosen, every = Macro.AppliesTo.CHOSEN, Macro.AppliesTo.ALL
    rules = [(f"Macro {number}", chosen) for number in range(1, MACROS + 1)]
    copy(Macro, ("name", "scope"), [*rules, ("All, one address", every), ("All, who linked", every)])
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
    of_all = [
        (MACROS + 1, ["everything@example.com"], False, DAYS[0], "account"),
        (MACROS + 2, [], True, DAYS[0], "account"),
    ]
    copy(MacroAction, ("macro", "emails", "notify_consenters", "days", "watch"), [*actions, *of_all])
    insert(
        MacroAccount,
        {"macro": "macro", "account": "account"},
        """(
          select n as account, 1 + (first + place * step) %% %s as macro
          from (select n, floor(random() * %s)::int as first, 1 + floor(random() * (%s - 1))::int as step
                from generate_series(1, %s) n) a, generate_series(0, %s - 1) place order by macro, account
        ) applications""",
        MACROS, MACROS, MACROS, accounts, APPLICATIONS,
    )  # fmt: skip

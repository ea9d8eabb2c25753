"""`python -m tests.e2e.fleet`, in the product's environment: an agency of 300 accounts in every state, long names, and what its
pages need. Where nobody photographs them, it has 150.

With --one-word whatever people name has a name of a single long word, which is markup too: whoever looks finds where no line breaks, and
where something is not escaped.
The rows are written as tests write them, by tests/support/factories.py; tests/e2e/fleet_*.py add what is about them.
Prints ids and links as one line of JSON.
"""

import json
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import django

COUNT = 300 if os.environ.get("PHOTOGRAPHS") else 150  # more than one page of a list
LONG = "Møller & Søn Internationale Schuhhandelsgesellschaft mbH, Niederlassung Österreich und Südtirol – Always-on Prospecting 2026"
UNBROKEN = "DE_AT_CH_always_on_prospecting_lookalike_3_percent_retargeting_exclusions_2026_Q4_do_not_touch"
RAW = """'"><img/src="/raw"/x-init="alert()">"""  # where a page shows it unescaped, the browser asks for /raw: 404
LONG_TEAM = "Kundenteam Handel und Gastronomie Österreich, Schweiz und Südtirol (Always-on)"
PEOPLE = (
    ("lena@example.com", "Lena Maximiliane von Hohenstein-Wittelsbach"),
    ("deniz@example.com", "Deniz Kaya"),
    ("o@example.com", "O"),
    ("emil@example.com", "Emil Novák"),
)
BOSS = "katharina.freifrau.von.wolkenstein-trostburg@agentur-hohenstein-wittelsbach.example"
MARKETER, NOTHING, NEW = "lena@example.com", "quiet@example.com", "new@example.com"
FIRST = (
    "Aina", "Bruno", "Clara", "Derya", "Elif", "Fritz", "Greta", "Hanno", "Ines", "Jonas", "Katja",
    "Lotte", "Malik", "Nora", "Oskar", "Paula", "Quirin", "Rosa", "Sami", "Thea", "Udo",
)  # fmt: skip
LAST = ("Petersen", "Wagner-Schöneborn", "Yılmaz")
CLIENTS = (
    "Nordlicht Optik", "Hafen Kaffee", "Blau Reisen", "Kranich Verlag", "Alster Räder", "Möwe Mode", "Fern Gardens", "Atelier Mauve",
    "Österreichische Alpenquell Getränkevertriebs GmbH", "Brandl", "Grove Kitchens North and its branches",
    "Kestrel Foods", "Tiroler Bergbahnen",
)  # fmt: skip
LINES = ("EU", "Always-on 2026", "Prospecting Österreich und Südtirol", "US")
DAY = timedelta(days=1)
NAMED = (
    ("accounts.Account", "name"), ("accounts.ApiKey", "name"), ("accounts.Ask", "name"),
    ("macros.Endpoint", "name"), ("macros.Macro", "name"), ("tokens.ChannelApp", "label"), ("tokens.Token", "native_user_name"),
    ("users.Invitation", "name"), ("users.Team", "name"), ("users.User", "name"),
)  # fmt: skip


@dataclass
class Fleet:
    """What was written, for whoever adds to it."""

    now: datetime
    boss: Any
    people: Sequence[Any]  # the four of PEOPLE, then 21 more
    new: Any
    tokens: Sequence[Any]
    more: Sequence[Any]  # log-ins of the 21
    accounts: Sequence[Any]
    team: Any  # with the long name
    backups: Sequence[Any]


def build(*, one_word: bool = False) -> dict[str, Any]:
    """Write everything and return what the photographs need to know. `one_word`: with names of a single long word that ends with markup."""
    from django.db import transaction
    from django.utils import timezone

    from tests.e2e import fleet_macros, fleet_mails, fleet_states, fleet_visitors

    now = timezone.now()
    with transaction.atomic():  # nobody works on a half of it
        fleet, facts = _write(now)
        facts |= fleet_states.add(fleet)
        facts |= fleet_visitors.add(fleet)
        if one_word:
            _name_in_one_word()
        facts |= fleet_mails.add(fleet, facts)
        facts |= fleet_macros.add(fleet)
        _background(now)
    return facts


def _name_in_one_word() -> None:
    """Name all that people, or channels by what people typed there, give a name to so."""
    from django.apps import apps
    from django.db.models import CharField, F, Value
    from django.db.models.functions import Cast, Concat

    for label, field in NAMED:
        model = apps.get_model(label)
        room = (model._meta.get_field(field).max_length or 0) - len(RAW) - 16  # with what follows
        beginning = Value(f"{UNBROKEN[: min(room, 60)]}_Nordlicht_{RAW}")  # pages search for that
        named = Concat(beginning, Cast(F("pk"), CharField()))
        model._default_manager.exclude(**{field: ""}).update(**{field: named})


def _background(now: datetime) -> None:
    """Workers of all lanes, and beat, that have only just begun for as long as anybody looks: nothing is late yet."""
    from adtoken_project.models import BackgroundProcess
    from adtoken_project.workers import signs_of_life

    host, at = signs_of_life.host(), now + DAY
    parts = list(signs_of_life.PARTS)
    BackgroundProcess.objects.create(name="fleet", parts=parts, host=host, ahead=0, started_at=at, seen_at=at)


def _write(now: datetime) -> tuple[Fleet, dict[str, Any]]:
    """Write people, log-ins and accounts."""
    from django.contrib.auth.models import Permission

    from accounts.models import Account
    from accounts.pool import services as pool
    from tests.support import factories
    from users.models import Membership

    boss = factories.make_user(
        BOSS, name="Katharina Sophie Freifrau von Wolkenstein-Trostburg", is_staff=True, is_superuser=True
    )
    people = [factories.make_user(email, name=name) for email, name in PEOPLE]
    people += [
        factories.make_user(f"{first.lower()}@agentur-elbe.example", name=f"{first} {LAST[place % 3]}")
        for place, first in enumerate(FIRST)
    ]
    team = factories.make_team(LONG_TEAM)
    Membership.objects.create(user=people[0], team=team, role=Membership.Role.TEAM_LEAD)
    quiet = factories.make_user(
        NOTHING, name="Quiet Person", team=factories.make_team("Quiet"), is_staff=True
    )
    quiet.user_permissions.set(Permission.objects.exclude(codename="see_all_teams"))
    new = factories.make_user(NEW, name="Nele Neu", team=factories.make_team("Just begun"))
    tokens, more = _tokens(people, now), _more_tokens(people[4:], now)
    accounts = [_account(number, team, now) for number in range(COUNT)]
    for number, account in enumerate(accounts):
        _fill(account, number, tokens, more)
    pool.settle(account_ids=[account.pk for account in accounts], cause="linked", now=now)
    backups = [accounts[number] for number in (6, 11, 16, 21, 26)]
    _at_hand(backups, tokens, people[1], now)
    _lately(accounts, tokens, now)
    pending = _pending(people[0], tokens[0])
    dark = Account.objects.filter(
        pk__in=[one.pk for one in accounts], state="deactivated", pool__isnull=False
    )
    fleet = Fleet(now, boss, people, new, tokens, more, accounts, team, backups)
    return fleet, {
        "password": factories.PASSWORD,
        "marketer": MARKETER,
        "nothing": NOTHING,
        "account": accounts[0].pk,
        "account_native": accounts[0].native_id,
        "second": accounts[1].pk,
        "dark": dark.order_by("pk")[0].pk,
        "person": people[0].pk,
        "leaver": people[4].pk,
        "unlinked": accounts[-1].pk,
        "reached": backups[0].pk,
        "asked": backups[1].pk,
        "token": tokens[0].pk,
        "x_log_in": tokens[4].pk,
        "backup_token": tokens[1].pk,
        "backups": ",".join(str(account.pk) for account in backups),
        "ids": ",".join(str(account.pk) for account in accounts[:30]),
        "pending": str(pending),
        "team": team.pk,
    }


def _common(now: datetime) -> dict[str, Any]:
    return {
        "due_at": now + 3650 * DAY,  # nobody asks the channel about tokens that it never gave
        "last_checked_at": now - timedelta(hours=2),
        "last_check_result": "ok",
        "first_linked_at": now - 30 * DAY,
        "scopes": ["ads_read", "ads_management"],
    }


def _tokens(people: Sequence[Any], now: datetime) -> list[Any]:
    """Facebook log-ins with 3, 20, 50 days and dead, X log-ins without an end, and one from before dates were kept."""
    from tests.support import factories

    facebook, x = factories.make_app("facebook"), factories.make_app("x")
    lena, deniz, short, emil = people[:4]
    common = _common(now)

    def ends(days: int, person: Any, **more: Any) -> Any:
        when = now + timedelta(days=days, hours=1)
        issued = when - timedelta(days=60)
        return factories.make_token(
            facebook, consented_by=person, native_user_name=person.name, deadline=when, issued_at=issued, **common, **more
        )  # fmt: skip

    no_end = {"deadline_kind": "never", "dates_source": {"access": "never"}}
    dead = {"state": "dead", "reason": "password_changed", "state_since": now - DAY}
    return [
        ends(20, lena), ends(3, deniz), ends(50, short), ends(9, emil, **dead),
        factories.make_token(x, consented_by=lena, native_user_name="lena_on_x", **no_end, **common),
        factories.make_token(facebook, consented_by=None, native_user_name=LONG[:200], due_at=now + 3650 * DAY),
    ]  # fmt: skip


def _more_tokens(people: Iterable[Any], now: datetime) -> list[Any]:
    """Log-ins of the others at all channels, whose ends are spread over four months; some have stopped, each for a reason of its own."""
    from tests.support import factories

    reasons = ("expired", "security_checkpoint", "authorisation_cancelled", "suspended")
    channels = ("facebook", "facebook", "facebook", "linkedin", "tiktok", "pinterest", "snapchat")
    made = []
    for place, person in enumerate(people):
        app = factories.make_app(channels[place % len(channels)])
        stopped = {"state": "dead", "reason": reasons[place // 5 % 4], "state_since": now - place * DAY}
        ends = {"deadline": now + timedelta(days=2 + 6 * place, hours=3), "issued_at": now - 20 * DAY}
        made.append(
            factories.make_token(
                app, consented_by=person, native_user_name=person.name, **_common(now), **(stopped if place % 5 == 2 else ends)
            )
        )  # fmt: skip
    return made


def _account(number: int, team: Any, now: datetime) -> Any:
    from tests.support import factories

    names = {0: LONG, 1: UNBROKEN, 2: "Ö"}
    more: dict[str, Any] = {}
    if number % 23 == 5:
        more = {"restriction": "disabled for an unpaid bill or a risky payment"}
    if number % 29 == 7:
        more = {"paused_at": now - timedelta(days=2), "pause_note": "Budget is spent."}
    if number % 10 >= 8:
        more |= {"team": team}
    name = names.get(
        number, f"{CLIENTS[number % len(CLIENTS)]} – {LINES[number // 13 % 4]} {1 + number // 52}"
    )
    return factories.make_account(_channel_of(number), name=name, currency="EUR", **more)


def _channel_of(number: int) -> str:
    if number < 30:
        return "x" if number % 7 == 3 else "facebook"
    return ("facebook", "facebook", "facebook", "linkedin", "tiktok", "pinterest", "snapchat")[number % 7]


def _fill(account: Any, number: int, tokens: list[Any], more: list[Any]) -> None:
    """Give the account its pool: the first has everybody, the last nobody, the others one of five mixtures, or some of the others."""
    from tests.support import factories

    if number == COUNT - 1:
        return
    *facebook, x, old = tokens
    if number >= 30:
        same = [one for one in more if one.app.channel == account.channel]
        chosen = [
            same[(number // 7 + step) % len(same)]
            for step in range(2 if number % 3 == 0 and len(same) > 1 else 1)
        ]
    elif account.channel == "x":
        chosen = [x]
    elif number == 0:
        chosen = [*facebook, old]
    else:
        first, second, third, dead = facebook
        chosen = ([first, second], [second], [dead], [third, dead], [old])[number % 5]
    for place, token in enumerate(chosen):
        reader = number == 0 and place == 2
        factories.link(account, token, role="Advertiser", can_publish="no" if reader else "yes")


def _at_hand(accounts: list[Any], tokens: list[Any], asker: Any, now: datetime) -> None:
    """Two log-ins reach accounts that another person carries alone; the first is asked about two of them."""
    from accounts.asks import services as writing
    from accounts.models import ReachedAccount

    for token, reached in ((tokens[0], accounts), (tokens[2], accounts[:2])):
        ReachedAccount.objects.bulk_create(
            ReachedAccount(
                token=token, native_id=one.native_id, role="Advertiser", can_publish="yes", seen_at=now
            )
            for one in reached
        )
    writing.begin_ask(
        (writing.line_of(one, tokens[0]) for one in accounts[1:3]),
        what="back_up", email=tokens[0].consented_by.email, made_by=asker, note="I am away in August.", ends_at=now + 14 * DAY
    )  # fmt: skip


def _lately(accounts: list[Any], tokens: list[Any], now: datetime) -> None:
    """What happened within 30 days: accounts that shifted, and some that stopped, each for a reason."""
    from accounts.models import AccountEvent

    causes = ("password_changed", "expired", "authorisation_cancelled", "access_lost")
    AccountEvent.objects.bulk_create(
        AccountEvent(
            account=account,
            kind="deactivated" if number % 6 == 5 else "shifted",
            cause=causes[number * number % 7 % 4],
            source="sweep",
            from_token=tokens[1],
            token=None if number % 6 == 5 else tokens[0],
            at=now - (1 + number) * DAY / 2,
        )
        for number, account in enumerate(accounts[100:145])
    )


def _pending(person: Any, token: Any) -> Any:
    """A consent that waits for the choice of accounts: many, long, restricted and closed ones."""
    from accounts.models import PendingLink

    return PendingLink.objects.create(user=person, token=token, offered=offered()).pk


def offered() -> list[dict[str, Any]]:
    """Return what a channel lists after a consent."""
    from tokens.channels.kinds import NativeAccount

    some = [
        NativeAccount(native_id="1", name=LONG, role="Admin", can_publish="yes"),
        NativeAccount(native_id="2", name=UNBROKEN + RAW, role="Analyst", can_publish="no"),
        NativeAccount(native_id="3", name="Closed one", closed=True),
        NativeAccount(native_id="4", name="Restricted one", restriction="disabled for an unpaid bill or a risky payment"),
        *(NativeAccount(native_id=str(n), name=f"Offered {n}", role="Admin", can_publish="yes") for n in range(5, 30)),
    ]  # fmt: skip
    return [asdict(native) for native in some]


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(build(one_word="--one-word" in sys.argv)) + "\n")

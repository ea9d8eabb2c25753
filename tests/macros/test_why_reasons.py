"""Each cause for which somebody is, or is not, mailed has its sentence on the page that says why: one table over all of them."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from accounts.models import Account
from accounts.pool.health import OUTSIDE
from macros.models import Macro, MacroAction, Mute, Notice
from macros.mutes import acknowledgements, services
from macros.warnings import services as evaluation
from macros.why import queries as why
from macros.why.answers import about_macros
from notifications.outbox import kept_reason
from tests.macros.support import TODAY, die, ending, make_macro, make_person, move, noon, settle
from tests.support.ends import make_doubt
from tests.support.factories import NOW, link, make_team, make_token
from users.addresses import services as refused_addresses
from users.models import Membership, RefusedAddress, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("at_noon")]
ADA = "ada@example.com"
BOSS = "boss@example.com"
DAY = timedelta(days=1)


@pytest.fixture
def account() -> Account:
    return ending(7, name="Lumen Shoes", person=make_person("cem@example.com"))


def rule(**fields: object) -> MacroAction:
    """A macro that names Ada, with the warning alone."""
    return make_macro(**{"emails": [ADA], "days": [7], **fields})  # type: ignore[arg-type]


def also(kind: str, **fields: object) -> MacroAction:
    """One that names her for a further kind, too."""
    macro = rule().macro
    return MacroAction.objects.create(
        macro=macro, kind=kind, **{"emails": [ADA], "notify_consenters": False, **fields}
    )


def run(day: int = 0) -> None:
    evaluation.evaluate(now=NOW + day * DAY)


def said(account: Account, address: str = ADA) -> str:
    account.refresh_from_db()
    one = why.what_is_asked(account, address)
    macros = Macro.objects.all()
    lines = [
        *why.about_address(one),
        *about_macros(one, macros, now=NOW),
        *why.mails_told(one, macros, lambda _: ""),
    ]
    return " | ".join(f"{line.about} {line.text}" for line in lines)


def ada(**fields: object) -> User:
    return make_person(ADA, name="Ada Okafor", **fields)


def backed_up(account: Account, days: int | None = 60) -> None:
    fields: dict[str, Any] = (
        {"deadline_kind": "never"} if days is None else {"deadline": noon(TODAY + days * DAY)}
    )
    link(account, make_token(consented_by=make_person(), **fields))
    settle(account)


# --- what the address and the account are ------------------------------------------------------------------------------


def left(account: Account) -> None:
    ada(is_active=False)
    rule()


def parked(account: Account) -> None:
    rule()
    refused_addresses.park_address(ADA, said="550 gone", now=NOW, why=RefusedAddress.Why.BOUNCED)


def paused(account: Account) -> None:
    rule()
    Account.objects.update(paused_at=NOW, state="paused")


def not_in_team(account: Account) -> None:
    ada()


def no_longer_member(account: Account) -> None:
    link(account, make_token(consented_by=ada()), access="lost", access_reason=OUTSIDE)


def leads(account: Account) -> None:
    Membership.objects.create(team=account.team, user=ada(), role=Membership.Role.TEAM_LEAD)


def doubted(account: Account) -> None:
    make_doubt(account.pool.get().token, now=NOW)


def snoozed(account: Account) -> None:
    rule()
    until = TODAY + 3 * DAY
    services.mute_accounts(accounts=[account], email=ADA, until=until, now=NOW)


def acknowledged(account: Account) -> None:
    rule()
    acknowledgements.acknowledge(deadlines=acknowledgements.deadlines_on(account), email=BOSS, now=NOW)


# --- what a macro does, whatever the kind ------------------------------------------------------------------------------


def left_out(account: Account) -> None:
    macro = also("shifted").macro
    Mute.objects.create(account=account, macro=macro, email=ADA, by=ada(), started_at=NOW)


def not_watched(account: Account) -> None:
    """By six macros, each for another reason."""
    rule(enabled=False)
    rule(team=make_team(), scope="chosen", accounts=[account])
    rule(excluded=[account.pk])
    rule(scope="channels", channels=["x"])
    rule(scope="chosen")
    rule(emails=[BOSS])


def every_kind(account: Account) -> None:
    for kind in ("deactivated", "shifted", "recovered", "restricted"):
        also(kind)
    also("few_people", people=2)
    also("escalated", after=3)


def told_before(account: Account) -> None:
    also("few_people", people=2)
    run()


def no_date(account: Account) -> None:
    rule()
    move(account, deadline_kind="never", deadline=None)


def dark(account: Account) -> None:
    also("few_people", people=2)
    die(account)


def covered(account: Account) -> None:
    rule()
    backed_up(account, None)


# --- the other kinds ---------------------------------------------------------------------------------------------------


def warned(account: Account) -> MacroAction:
    """Ada comes last, three days after the boss was warned."""
    macro = make_macro(emails=[BOSS], days=[7]).macro
    action = MacroAction.objects.create(
        macro=macro, kind="escalated", emails=[ADA], notify_consenters=False, after=3
    )
    run()
    return action


def on_it_since(account: Account) -> None:
    warned(account)
    acknowledged(account)


# --- what became of what was found -------------------------------------------------------------------------------------


def stands_in(account: Account) -> None:
    leads(account)
    make_macro(emails=[BOSS], days=[7])
    make_person(BOSS, is_active=False)
    run()


TABLE: dict[str, tuple[Callable[[Account], object], tuple[str, ...]]] = {
    "outside": (lambda _: rule(), ("Nobody logs in here with this address.",)),
    "left": (left, ("Ada Okafor can no longer log in, so nothing is sent",)),
    "parked": (parked, ("Names this address, but mail does not reach it.",)),
    "paused": (paused, ("The account is paused",)),
    "not in team": (not_in_team, ("Is not in the account's team.",)),
    "no longer a member": (no_longer_member, ("which takes log-ins of its own people alone",)),
    "team lead": (leads, ("Leads the account's team",)),
    "doubted": (doubted, ("A log-in is said to have ended.",)),
    "snoozed": (snoozed, ("Snoozed this account until Sat 28 Nov",)),
    "not watched": (
        not_watched,
        (
            "Is switched off.",
            "Watches accounts of another team.",
            "Leaves this account out.",
            "Does not watch this channel.",
            "Is not applied to this account.",
            "Does not name this address.",
        ),
    ),
    "left out": (left_out, ("Leaves this address out.",)),
    "every kind": (
        every_kind,
        (
            "Tells this address on Wed 25 Nov",
            "Tells at once: an account is deactivated.",
            "Tells at once: another log-in takes over",
            "Tells at once: an account works again.",
            "Tells at once: the channel restricts",
            "Tells when fewer than 2 people keep it connected.",
            "Tells this address if nobody acts on a first warning.",
        ),
    ),
    "told before": (told_before, ("Has told this address already.",)),
    "no date": (no_date, ("The account's deadline never comes",)),
    "dark": (dark, ("Tells this address on", "Tells when fewer than 2 people keep it connected.")),
    "covered by a backup": (covered, ("and another one covers it.",)),
    "somebody on it": (on_it_since, ("Somebody is on it", "if nobody acts on a first warning")),
    "stands in": (stands_in, ("as team lead, because nobody else could be told",)),
}


@pytest.mark.parametrize("cause", TABLE)
def test_each_cause_has_its_sentence(cause: str, account: Account) -> None:
    arrange, words = TABLE[cause]

    arrange(account)

    text = said(account)
    assert [one for one in words if one not in text] == []


def test_each_reason_for_which_a_mail_was_dropped_has_its_sentence(account: Account) -> None:
    rule()
    run()

    for code, words in {
        "macro_off": "The macro was switched off.",
        "snoozed": "The warnings of the account are snoozed.",
        "acknowledged": "Somebody is on it.",
        "not_told_team_lead": "this person no longer leads the team",
        "address_refused": "Mail does not reach this address, so whoever stands in is told.",
    }.items():
        Notice.objects.update(outcome="dropped", outcome_reason=kept_reason(code))
        assert words in said(account), code

"""The week of use that was driven by hand, by a clock of its own: 40 accounts, 8 people with 39 log-ins, one watcher who ticked everything.

How many mails each reader gets is the rule. Whoever can fix what stopped hears of it within three minutes.
"""

from collections import Counter
from datetime import datetime, timedelta
from functools import partial
from itertools import product

import pytest
import time_machine
from django.db import transaction

from accounts.models import Account, AccountNews
from accounts.pool import services as pool
from macros.at_once import services as at_once
from macros.models import MacroAction
from macros.warnings import services as evaluation
from notifications.outbox import Mail
from tests.macros.news import DAY, HOUR, MINUTE, die, restrict, sent, tells
from tests.macros.support import WATCHER, make_person
from tests.support.factories import NOW, link, make_account, make_app, make_token
from tokens.models import Token

pytestmark = pytest.mark.django_db
MONDAY = NOW - 2 * DAY - 9 * HOUR - MINUTE  # just before it
CHANNELS = ("facebook", "linkedin", "pinterest", "snapchat", "tiktok")
ALONE = 18  # accounts that only one person keeps connected
Event = tuple[datetime, partial[None]]


@pytest.fixture
def log_ins() -> dict[tuple[int, str], Token]:
    """The log-ins by person and channel, and their accounts: eight at each channel, each of one or two people."""
    people = [make_person(f"p{number}@example.com", name=f"Person{number} Okafor") for number in range(8)]
    found = {
        (number, channel): make_token(make_app(channel), consented_by=people[number])
        for number, channel in list(product(range(8), CHANNELS))[:39]
    }
    for number, (place, channel) in enumerate(product(range(8), CHANNELS)):
        account = make_account(channel, name=f"Harbor {channel} {place}", created_at=MONDAY - DAY)
        both = [found.get((place, channel)), found.get(((place + 1) % 8, channel))]
        for rank, token in enumerate([one for one in both if one][: 1 if number < ALONE else 2]):
            link(account, token, rank=rank)
    with transaction.atomic():
        pool.settle(token_ids=[one.pk for one in found.values()], cause="linked", now=MONDAY - DAY)
    AccountNews.objects.all().delete()
    return found


def renew(token: Token, now: datetime) -> None:
    """Its person consents again."""
    Token.objects.filter(pk=token.pk).update(state="valid", reason="", state_since=now, linked_at=now)
    with transaction.atomic():
        pool.settle(token_ids=[token.pk], cause="renewed", now=now)


def ends(account: Account, at: datetime, _now: datetime) -> None:
    """It becomes known when the account's log-in ends."""
    dates = {"deadline": at, "deadline_kind": "date", "access_expires_at": at}
    Token.objects.filter(pool_entries__account=account).update(**dates, cycle_since=MONDAY - 30 * DAY)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="checked", now=_now)
    Account.objects.filter(pk=account.pk).update(cycle_since=MONDAY - 30 * DAY)


def week(log_ins: dict[tuple[int, str], Token]) -> list[Event]:
    """What happens: a password, a log-in taken back, a restriction, a take-over, a security check off and on, and two warnings."""

    def at(day: int, hour: int, minute: int = 0) -> datetime:
        return MONDAY + day * DAY + timedelta(hours=hour, minutes=minute)

    limited, friday, saturday = (
        Account.objects.get(name=f"Harbor {one}") for one in ("snapchat 1", "tiktok 0", "pinterest 0")
    )
    security = log_ins[1, "facebook"]
    offs = [(at(4, 9) + 75 * number * MINUTE, 35) for number in range(3)]
    return [
        (at(0, 6), partial(ends, friday, at(11, 13))),
        (at(0, 6), partial(ends, saturday, at(12, 13))),
        (at(0, 10), partial(die, log_ins[4, "facebook"])),
        (at(0, 10), partial(die, log_ins[0, "facebook"])),
        (at(0, 12), partial(renew, log_ins[0, "facebook"])),
        (at(0, 12), partial(renew, log_ins[4, "facebook"])),
        (at(1, 11), partial(die, log_ins[0, "linkedin"])),
        (at(1, 15), partial(renew, log_ins[0, "linkedin"])),
        (at(2, 9, 30), partial(restrict, limited, "An unpaid bill")),
        (at(2, 16), partial(restrict, limited, "")),
        (at(3, 10), partial(die, log_ins[5, "tiktok"])),
        *((off, partial(die, security)) for off, _ in offs),
        *((off + minutes * MINUTE, partial(renew, security)) for off, minutes in offs),
    ]


def test_a_watcher_of_forty_accounts_gets_seven_mails_in_a_bad_week_and_its_people_hear_within_three_minutes(
    log_ins: dict[tuple[int, str], Token],
) -> None:
    kinds = ("deactivated", "shifted", "recovered", "restricted")
    macro = tells(*kinds, days=[7], notify_consenters=False)
    few = {"kind": "few_people", "emails": [WATCHER], "notify_consenters": False, "people": 2}
    MacroAction.objects.create(macro=macro, **few)
    MacroAction.objects.update(created_at=MONDAY - 30 * DAY)
    events, found = sorted(week(log_ins), key=lambda one: one[0]), list[tuple[datetime, str, Mail]]()
    stops = [at for at, happens in events if happens.func is die]
    looks = {MONDAY + day * DAY + hour * HOUR for day in range(9) for hour in (7, 18)}
    for now in sorted(looks | {at + MINUTE for at, _ in events}):
        while events and events[0][0] <= now:
            at, happens = events.pop(0)
            with time_machine.travel(at, tick=False):
                happens(at)
        with time_machine.travel(now, tick=False):
            evaluation.evaluate_if_due(now=now)
            at_once.tell_news(now)
            found += [(now, to, mail) for to, mail in sent(now)]

    watched = [(at, mail) for at, to, mail in found if to == WATCHER]
    by_day = Counter((at - MONDAY).days for at, _ in watched)
    heard = [at for at, to, mail in found if to != WATCHER and "/renew/" in mail.text]
    assert by_day == {0: 1, 1: 1, 2: 1, 4: 3, 5: 1}
    assert all(any(at < to <= at + 3 * MINUTE for to in heard) for at in stops)
    assert max(len(mail.text.split()) for _, mail in watched) < 150
    assert not any(", )" in mail.text for _, mail in watched)

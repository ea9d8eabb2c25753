"""An account that nothing serves: all mails of its people, by a clock that moves, to two days after its end."""

from datetime import timedelta

import pytest
import time_machine

from accounts.models import Account
from accounts.pool.services import note_news
from macros.at_once import services as at_once
from macros.models import Notice
from macros.warnings import services as evaluation
from tests.macros.news import SOON, answered, die, linked, log_in, person, send, tells
from tests.macros.support import ending, make_macro, settle
from tests.support.factories import NOW, make_app, make_token
from tokens.channels.kinds import Verdict
from tokens.models import Token

pytestmark = pytest.mark.django_db
MORNING = -2.5  # hours from NOW


def told(token: Token, day: int, hours: float, verdict: Verdict | None = None) -> list[str]:
    """Go to so long after NOW, take an answer of the channel, let all sweeps run; return what is mailed to whom."""
    now = NOW + timedelta(days=day, hours=hours)
    with time_machine.travel(now, tick=False):
        if verdict:
            answered(token, verdict, None, now, source="report")
            now += timedelta(minutes=1)
        at_once.tell_news(now)
        evaluation.evaluate_if_due(now=now)
        return [f"{day} {one}" for one in sorted(send(now))]


def test_what_nothing_serves_for_an_hour_is_told_each_time_and_ends_by_its_last_date_told_once() -> None:
    tells("deactivated", days=[7, 1], notify_consenters=True)
    token = make_token(
        make_app("pinterest"),
        consented_by=person("Ada"),
        has_refresh_token=True,
        deadline=NOW + timedelta(days=60),
        access_expires_at=NOW + timedelta(days=30),
        refresh_expires_at=NOW + timedelta(days=60),
        dates_source={"access": "provider", "refresh": "provider"},
    )
    linked(token, name="Shop")
    life = [
        (15, 0, Verdict.CONFIRM_FIRST), (15, 0.9, None), (15, 1.1, None), (15, 2, Verdict.OK), (15, 2.3, None),
        (30, 0, Verdict.TRANSIENT), (30, 0.9, None), (30, 1.1, None), (31, MORNING, None),
        (53, MORNING, None), (59, MORNING, None),
        (60, 0, Verdict.TRANSIENT), (60, 0.1, None), (61, MORNING, None), (62, MORNING, None),
    ]  # fmt: skip

    mails = [mail for day, hours, verdict in life for mail in told(token, day, hours, verdict)]

    assert mails == [
        "15 ada@example.com: Shop is interrupted: waiting for Pinterest",
        "15 watcher@example.com: Shop is interrupted: waiting for Pinterest",
        "15 ada@example.com: Shop works again",
        "15 watcher@example.com: Shop works again",
        "30 ada@example.com: Shop is interrupted: waiting for Pinterest",
        "30 watcher@example.com: Shop is interrupted: waiting for Pinterest",
        "53 ada@example.com: Shop is interrupted: please re-authenticate",
        "53 watcher@example.com: Shop is interrupted: waiting for Ada Okafor",
        "59 ada@example.com: Shop is interrupted: please re-authenticate",
        "59 watcher@example.com: Shop is interrupted: waiting for Ada Okafor",
        "60 ada@example.com: Shop is deactivated: please re-authenticate",
        "60 watcher@example.com: Shop is deactivated: waiting for Ada Okafor",
    ]


@pytest.mark.usefixtures("at_noon")
def test_where_the_first_mail_of_what_is_interrupted_has_its_last_date_too_its_person_is_asked() -> None:
    make_macro(emails=[], notify_consenters=True, days=[7])
    ending(5, name="Shop", person=person("Ada"))
    Account.objects.update(state="interrupted", since=NOW - timedelta(hours=2))

    evaluation.evaluate(now=NOW)

    assert set(Notice.objects.values_list("threshold", flat=True)) == {0, 7}
    assert send(NOW) == ["ada@example.com: Shop is interrupted: please re-authenticate"]


def test_where_one_person_can_only_appeal_it_waits_for_the_one_whose_new_consent_would_help() -> None:
    tells("deactivated")
    helps, suspended = log_in(person("Ben")), log_in(person("Ada"))
    account = linked(suspended, helps, name="Shop")
    die(helps, NOW - timedelta(hours=2))
    Token.objects.filter(pk=suspended.pk).update(state="dead", reason="suspended", state_since=NOW)
    settle(account)
    note_news([account.pk], NOW)

    at_once.tell_news(SOON)

    assert "watcher@example.com: Shop is deactivated: waiting for Ben Okafor" in send()

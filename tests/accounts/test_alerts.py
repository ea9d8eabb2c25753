"""Operators hear once of what only they can fix; marketers never do."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection

from accounts.alerts import mails as alert_mail
from accounts.alerts import services as alerts
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.support.factories import NOW, make_app, make_user
from tokens.channels.kinds import Classification, Verdict
from tokens.models import ChannelApp, UnknownAnswer
from tokens.unknown_answers import services as unknown_answers
from users.people.models import ADMINISTRATORS_GROUP
from users.people.queries import operators

pytestmark = pytest.mark.django_db

DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _operators(settings: Any) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]


def refuse(app: ChannelApp, now: datetime, said: str = "Your credentials do not allow access") -> None:
    ChannelApp.objects.filter(pk=app.pk).update(fault=said, fault_since=now)


def fix(app: ChannelApp) -> None:
    ChannelApp.objects.filter(pk=app.pk).update(fault="", fault_since=None)


def meet(app: ChannelApp, now: datetime, *, mark: str = "a", call: str = "api", body: Any = None) -> None:
    evidence = {"call": call, "status": 403, "body": body or {"error": f"kind {mark}"}}
    classification = Classification(Verdict.CONFIRM_FIRST, unknown=mark * 32)
    unknown_answers.keep_answer(app, classification, evidence, token_id=None, now=now)


def told(**wanted: Any) -> list[Message]:
    return list(Message.objects.filter(kind=alerts.KIND, **wanted).order_by("pk"))


def mail() -> Any:
    return alert_mail.build_alert(told()[-1])


def test_administrators_and_superusers_and_the_named_addresses_hear_each_once(settings: Any) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com", "Root@example.com"]
    group, _ = Group.objects.get_or_create(name=ADMINISTRATORS_GROUP)
    make_user("root@example.com", is_superuser=True, is_staff=True).groups.add(group)
    make_user("admin@example.com", is_staff=True).groups.add(group)
    make_user("gone@example.com", is_staff=True, is_active=False).groups.add(group)
    make_user("staff@example.com", is_staff=True).groups.add(Group.objects.get_or_create(name="Staff")[0])
    make_user("marketer@example.com")

    found = operators()

    assert sorted(found) == ["admin@example.com", "ops@example.com", "root@example.com"]


def test_a_fault_is_told_once_however_long_it_lasts() -> None:
    app = make_app()
    refuse(app, NOW)

    written = [alerts.tell_operators(NOW + minutes * MINUTE) for minutes in (1, 2, 3, 60 * 24 * 3)]

    assert written == [1, 0, 0, 0]


def test_an_app_that_comes_and_goes_is_told_of_once_a_day() -> None:
    app = make_app()
    written = []

    for hour in range(30):
        refuse(app, NOW + hour * HOUR)
        written.append(alerts.tell_operators(NOW + hour * HOUR + MINUTE))
        fix(app)

    assert [hour for hour, number in enumerate(written) if number] == [0, 24]


@pytest.mark.parametrize("state", ["sent", "cancelled"])
def test_a_fault_that_comes_back_within_a_day_and_stays_is_told_of(state: str) -> None:
    app = make_app()
    refuse(app, NOW)
    alerts.tell_operators(NOW)
    Message.objects.update(state=state)  # cancelled: the channel accepted the app again before it left

    refuse(app, NOW + HOUR)
    written = [alerts.tell_operators(NOW + hours * HOUR) for hours in (1, 2, 25, 26, 90)]

    assert written == ([0, 0, 1, 0, 0] if state == "sent" else [1, 0, 0, 0, 0])


def test_two_apps_are_told_of_apart() -> None:
    refuse(make_app("facebook"), NOW)
    refuse(make_app("x"), NOW)

    alerts.tell_operators(NOW)

    assert [alert_mail.build_alert(message).subject for message in told()] == [
        "AdToken: Facebook refuses our app",
        "AdToken: X refuses our app",
    ]


def test_the_mail_says_what_happened_that_no_log_in_was_touched_and_what_to_check() -> None:
    app = make_app("facebook", label="EU", client_id="1234567890")
    refuse(app, NOW, "App is not active. access_token=EAAsecretsecretsecret")

    alerts.tell_operators(NOW)

    found = mail()
    assert found.subject == "AdToken: Facebook refuses our app"
    for part in (found.text, found.html):
        flat = " ".join(part.split())
        assert "App is not active" in flat
        assert "secretsecret" not in flat
        assert "None was touched" in flat
        assert "25 Nov 2026" in flat
        assert "An operator checks app mode" in flat
        assert "1234567890" in flat
        assert "/admin/tokens/channelapp/" in flat
        assert "OPERATOR_EMAILS" in flat


def test_a_mail_that_waited_until_the_trouble_was_over_is_not_sent() -> None:
    app = make_app()
    refuse(app, NOW)
    alerts.tell_operators(NOW)

    fix(app)

    with pytest.raises(NotWanted, match="accepts AdToken again"):
        mail()


def test_unknown_answers_of_eight_hours_come_in_one_mail_after_the_first() -> None:
    app = make_app()
    written = []

    for minute, mark in ((0, "a"), (10, "b"), (20, "c"), (479, ""), (481, ""), (482, "")):
        if mark:
            meet(app, NOW + minute * MINUTE, mark=mark)
        written.append(alerts.tell_operators(NOW + minute * MINUTE))

    assert written == [1, 0, 0, 0, 1, 0]
    assert len(told()[-1].payload["answers"]) == 2
    assert all(f"kind {mark}" in mail().text for mark in "bc")


def test_the_same_kind_of_answer_is_not_told_again_when_it_comes_again() -> None:
    app = make_app()

    for day in range(4):
        meet(app, NOW + day * DAY)
        alerts.tell_operators(NOW + day * DAY)

    assert len(told()) == 1


def test_a_mail_is_not_sent_when_the_answers_are_gone() -> None:
    app = make_app()
    meet(app, NOW)
    alerts.tell_operators(NOW)
    UnknownAnswer.objects.all().delete()

    with pytest.raises(NotWanted, match="no longer in the list"):
        mail()


def test_who_is_no_operator_any_more_gets_no_mail(settings: Any) -> None:
    refuse(make_app(), NOW)
    alerts.tell_operators(NOW)
    settings.OPERATOR_EMAILS = []

    with pytest.raises(NotWanted, match="no longer"):
        mail()


def test_without_anybody_to_tell_it_is_told_once_somebody_is_named(settings: Any) -> None:
    settings.OPERATOR_EMAILS = []
    refuse(make_app(), NOW)
    before = alerts.tell_operators(NOW)
    settings.OPERATOR_EMAILS = ["ops@example.com"]

    after = alerts.tell_operators(NOW + DAY)

    assert (before, after) == (0, 1)


def test_a_long_answer_is_cut_and_holds_no_secret() -> None:
    meet(make_app(), NOW, body={"refresh_token": "r-secret", "message": "x" * 5000})

    alerts.tell_operators(NOW)

    assert "r-secret" not in mail().text
    assert len(mail().text) < 3000


@pytest.mark.django_db(transaction=True)
def test_workers_that_look_at_the_same_time_tell_once() -> None:
    refuse(make_app(), NOW)

    def work(_: int) -> int:
        try:
            return alerts.tell_operators(NOW + MINUTE)
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as threads:
        written = list(threads.map(work, range(6)))

    assert sum(written) == 1
    assert len(told()) == 1

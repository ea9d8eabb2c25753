"""Operators hear of the end of a version of a channel's API 60 and 14 days ahead and at the end, each once."""

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.alerts import mails as alert_mail
from accounts.alerts import services as alerts
from notifications.models import Message
from notifications.outbox import NotWanted
from tests.support.factories import make_app, make_user
from tokens.channels.registry import CHANNELS
from tokens.models import ChannelApp

pytestmark = pytest.mark.django_db

END = date(2027, 2, 23)  # of v25.0


@pytest.fixture(autouse=True)
def _pinned(settings: Any) -> None:
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    settings.FACEBOOK_VERSION = "v25.0"


def on(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time(9)))


def told() -> list[Message]:
    return list(Message.objects.filter(kind=alerts.KIND).order_by("pk"))


def test_a_year_of_hours_writes_three_mails_for_each_operator() -> None:
    make_app("facebook")
    make_user("root@example.com", is_superuser=True, is_staff=True)

    days = [left for left in range(90, -30, -1) if alerts.tell_of_versions(on(END - timedelta(left)))]

    assert days == [60, 14, 0]
    assert sorted({message.recipient for message in told()}) == ["ops@example.com", "root@example.com"]
    assert len(told()) == 6


def test_days_that_were_missed_are_made_up_for() -> None:
    make_app("facebook")

    written = [alerts.tell_of_versions(on(END - timedelta(days=left))) for left in (61, 40, 39, 3, -5, -6)]

    assert written == [0, 1, 0, 1, 1, 0]


def test_a_channel_without_an_app_in_use_is_no_news() -> None:
    make_app("x")
    ChannelApp.objects.filter(pk=make_app("facebook").pk).update(state=ChannelApp.State.NOT_SET_UP)

    assert alerts.tell_of_versions(on(END)) == 0


def test_a_version_without_an_announced_end_is_to_be_looked_up(settings: Any) -> None:
    settings.FACEBOOK_VERSION = "v26.0"
    make_app("facebook")

    alerts.tell_of_versions(on(date(2027, 7, 1)))

    [message] = told()
    mail = alert_mail.build_alert(message)
    assert mail.subject == "AdToken: Look up when Facebook ends v26.0 of its API"
    assert "No end is announced" in mail.text
    assert "29 July 2027" in mail.text


def test_the_mail_names_the_day_the_setting_and_the_source() -> None:
    make_app("facebook")
    alerts.tell_of_versions(on(END - timedelta(days=60)))

    mail = alert_mail.build_alert(told()[0])

    flat = " ".join(mail.text.split())
    assert mail.subject.startswith("AdToken: Facebook end")
    assert mail.subject.endswith("v25.0 of its API on 23 February 2027")
    assert "Set FACEBOOK_VERSION to a newer one" in flat
    assert "AdToken knows v26.0, v27.0" in flat
    assert CHANNELS["facebook"].versions.source in mail.html
    assert "refuses the others (error 2635)" in flat


def test_a_mail_that_still_waits_is_not_sent_once_the_version_was_raised(settings: Any) -> None:
    make_app("facebook")
    alerts.tell_of_versions(on(END))
    settings.FACEBOOK_VERSION = "v27.0"

    with pytest.raises(NotWanted, match="Another version"):
        alert_mail.build_alert(told()[0])


def test_without_operators_nothing_is_lost(settings: Any) -> None:
    make_app("facebook")
    settings.OPERATOR_EMAILS = []
    before = alerts.tell_of_versions(on(END - timedelta(days=60)))
    settings.OPERATOR_EMAILS = ["late@example.com"]

    after = alerts.tell_of_versions(on(END - timedelta(days=59)))

    assert (before, after) == (0, 1)

"""One date has one number of days: in the mail, on the pages, in the filters and over the API."""

from datetime import datetime, timedelta

import pytest
import time_machine
from django.test import Client
from pytest_django import Settings

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey
from macros.warnings import mails
from macros.warnings import services as evaluation
from notifications.models import Message
from tests.macros.support import BERLIN, TODAY, ending, make_macro, make_person
from tests.support.factories import make_user
from users.models import Membership, Team

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("hour_of_day", "ends_at"), [(7, 23), (23, 1)])
def test_mail_page_filter_and_api_count_the_same_days(
    hour_of_day: int, ends_at: int, settings: Settings
) -> None:
    settings.STAFF_SECOND_FACTOR = False
    ada, mira = make_person("ada@example.com", name="Ada"), make_user(is_superuser=True, is_staff=True)
    Membership.objects.create(user=ada, team=Team.default())
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    now = datetime(TODAY.year, TODAY.month, TODAY.day, hour_of_day, 30, tzinfo=BERLIN)
    ends = datetime(TODAY.year, TODAY.month, TODAY.day, ends_at, 7, tzinfo=BERLIN) + timedelta(days=6)
    make_macro(emails=[], notify_consenters=True, days=[30])
    ending(at=ends, name="Lumen", person=ada)

    with time_machine.travel(now, tick=False):
        evaluation.evaluate(now=now)
        subject = mails.build_mail(Message.objects.get()).subject
        ada_sees, mira_sees = Client(), Client()
        ada_sees.force_login(ada)
        mira_sees.force_login(mira)
        page = ada_sees.get("/").content.decode()
        listed = [
            "Lumen" in mira_sees.get("/admin/accounts/account/", {"days": days}).content.decode()
            for days in (5, 6)
        ]
        api = Client(headers={"authorization": f"Bearer {key}"})
        answered = [
            len(api.get("/api/v1/accounts", {"deadline_within_days": days}).json()["accounts"])
            for days in (5, 6)
        ]

    assert subject == "Lumen stops in 6 days: please re-authenticate"
    assert "6 days left" in page
    assert listed == [False, True]
    assert answered == [0, 1]

"""What a person's page and the list of people say of who depends on them: accounts, log-ins, keys, mails."""

import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.api_keys import services as api_keys
from accounts.leaving import plan
from accounts.models import Account
from tests.accounts.leaving.support import carried, log_in, reaches
from tests.notifications.support import make_message
from tests.portal.support import rows_of, staff
from tests.support.factories import make_team, make_user
from tests.tools import visible
from users.models import Team, User
from users.people import views as person_page

pytestmark = pytest.mark.django_db


def test_the_persons_page_and_the_list_say_what_depends_on_them(
    client: Client, boss: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(person_page, "SHOWN", 1)
    mara, emil = make_user("mara@example.com", name="Mara"), make_user("emil@example.com", name="Emil")
    mine = log_in(mara)
    alone = [carried(mine, name=name) for name in ("Alone GmbH", "Beside GmbH")]
    carried(mine, log_in(emil))

    page = visible.dense(client.get(reverse("admin:users_user_change", args=[mara.pk])).text)
    rows = client.get(reverse("admin:users_user_changelist")).text
    numbers = plan.carried_by_each(person_ids=[mara.pk, emil.pk], among=Account.objects.all())

    narrowed = rows_of(client, f"{reverse('admin:accounts_account_changelist')}?person={mara.pk}&alone=1")
    assert {one.pk for one in narrowed} == {one.pk for one in alone}
    assert f'?person={mara.pk}&amp;alone=1">See in the list</a>' in page
    assert "2 accounts depend on this person alone:" in page
    assert "Alone GmbH" in page
    assert "Beside GmbH" not in page
    assert numbers == {mara.pk: (3, 2), emil.pk: (1, 0)}
    assert "Alone" in rows


def test_the_persons_page_leads_to_their_mails_log_ins_and_keys_and_to_nobody_elses(
    client: Client, boss: User
) -> None:
    mara, other = make_user("mara@example.com", name="Mara"), make_user("xmara@example.com", name="Other")
    mine, theirs = log_in(mara, native_user_name="of Mara"), log_in(other, native_user_name="of the other")
    carried(mine, theirs)
    scopes = ["accounts:read", "tokens:lease"]
    key = api_keys.issue_key(name="Publisher", scopes=scopes, teams=[Team.default()], created_by=mara)[0]
    told = [make_message(one.email, subject=f"To {one.name}") for one in (mara, other)]

    page = visible.dense(client.get(reverse("admin:users_user_change", args=[mara.pk])).text)
    found = re.findall(r'href="(/admin/[^"]+)">([^<]+)</a>', page)
    by_name = {name: unescape(url) for url, name in found}
    mails, log_ins, keys = (
        rows_of(client, by_name[name]) for name in ("Mails to this person", "All log-ins", "Publisher")
    )

    assert [line.pk for line in mails] == [told[0].pk]
    assert {line.consented_by_id for line in log_ins} == {mara.pk}
    assert [line.pk for line in keys] == [key.pk]


def test_accounts_of_teams_that_the_viewer_does_not_see_are_not_told(client: Client) -> None:
    ours, theirs = make_team(), make_team()
    mara = make_user("mara@example.com", team=ours)
    carried(log_in(mara), team=ours, name="Ours")
    carried(log_in(mara), team=theirs, name="Secret")
    staff(client, "users.view_user", team=ours)

    page = visible.dense(client.get(reverse("admin:users_user_change", args=[mara.pk])).text)

    assert "Ours" in page
    assert "Secret" not in page
    assert "1 account depends on this person alone:" in page


def test_pages_ask_the_database_as_often_for_many_accounts_as_for_few(client: Client, boss: User) -> None:
    mara, emil = make_user("mara@example.com", name="Mara"), make_user("emil@example.com", name="Emil")
    pages = [
        reverse("admin:users_user_offboard", args=[mara.pk]),
        reverse("admin:users_user_change", args=[mara.pk]),
        reverse("admin:users_user_changelist"),
    ]
    counts: list[int] = []
    for number in (2, 6):
        mine, stopped, backup = log_in(mara), log_in(emil, state="dead"), log_in(emil)
        for _ in range(number):
            reaches(backup, carried(mine))
            carried(mine, stopped)
        for address in pages if not counts else ():  # what a process asks once
            client.get(address)
        with CaptureQueriesContext(connection) as asked:
            for address in pages:
                assert client.get(address).status_code == 200
        counts.append(len(asked))

    assert counts[0] == counts[1]
    assert sum('AS "then"' in query["sql"] for query in asked) < 8

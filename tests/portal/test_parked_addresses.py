"""Parked addresses in the portal: who sees which, on which pages, and releasing one."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from notifications.models import MailReturn, Message
from tests.notifications.support import make_message
from tests.portal.support import staff
from tests.support.factories import NOW, make_team, make_user
from users import refused_addresses
from users.models import AddressEvent, RefusedAddress

pytestmark = pytest.mark.django_db
VIEW, RELEASE = "users.view_refusedaddress", "users.release_address"
LIST = reverse("admin:users_refusedaddress_changelist")


@pytest.fixture(autouse=True)
def _no_second_factor(settings: Settings) -> None:
    settings.STAFF_SECOND_FACTOR = False


def park(email: str, why: str = "bounced") -> RefusedAddress:
    refused_addresses.note(email, said="550 5.1.1 gone", now=NOW, why=RefusedAddress.Why(why))
    return RefusedAddress.objects.get(email=email)


def page(row: RefusedAddress, name: str = "change") -> str:
    return reverse(f"admin:users_refusedaddress_{name}", args=[row.pk])


def test_staff_see_the_addresses_of_their_people_and_of_their_teams_mails_alone(client: Client) -> None:
    mine, foreign = make_team("Lumen"), make_team("Fern")
    staff(client, VIEW, team=mine)
    colleague, stranger = make_user("cara@example.com", team=mine), make_user("sam@example.com", team=foreign)
    rows = [
        park(one) for one in (colleague.email, stranger.email, "watch@lumen.example", "boss@fern.example")
    ]
    make_message("watch@lumen.example", team=mine)
    make_message("boss@fern.example", team=foreign)

    text, start = client.get(LIST).text, client.get(reverse("admin:index")).text

    assert [row.email in text for row in rows] == [True, False, True, False]
    assert "Mail does not reach 2 addresses" in start
    assert [client.get(page(row)).status_code for row in rows] == [200, 404, 200, 404]


def test_the_page_of_an_address_says_why_and_what_came_back_and_so_does_that_of_its_person(
    client: Client,
) -> None:
    staff(client, VIEW, "users.view_user").is_superuser = True
    client.force_login(make_user("boss@example.com", is_staff=True, is_superuser=True))
    ada = make_user("ada@example.com", name="Ada Ode")
    row = park(ada.email)
    MailReturn.objects.create(
        key="a", recipient=ada.email, kind="hard", said="550 5.1.1 gone", source="mailbox", at=NOW
    )

    own, of_person = client.get(page(row)).text, client.get(reverse("admin:users_user_change", args=[ada.pk]))

    assert "Ada Ode" in own
    assert "Came back for good" in own
    assert page(row) in of_person.text


def test_an_address_is_released_once_by_whoever_may(client: Client) -> None:
    boss = staff(client, VIEW)
    boss.user_permissions.all()
    row = park("watch@lumen.example")
    make_message(row.email, team=boss.memberships.get().team, state=Message.State.SENT)
    refused = (client.get(page(row, "release")).status_code, "release/" in client.get(page(row)).text)
    may = staff(client, VIEW, RELEASE, team=boss.memberships.get().team)
    asked = client.get(page(row, "release")).text

    answer = client.post(page(row, "release"), follow=True)
    again = client.post(page(row, "release"))

    assert refused == (403, False)
    assert "Send mail to watch@lumen.example again?" in asked
    assert "watch@lumen.example is released" in answer.text
    assert again.status_code == 404
    assert not RefusedAddress.objects.exists()
    event = AddressEvent.objects.filter(email=row.email)[0]
    assert (event.kind, event.by) == ("released", may)
    assert LogEntry.objects.filter(user=may).count() == 1


def test_many_addresses_are_released_at_once_and_none_of_another_team(client: Client) -> None:
    mine, foreign = make_team("Lumen"), make_team("Fern")
    boss = staff(client, VIEW, RELEASE, team=mine)
    rows = [park(f"watch{number}@lumen.example") for number in range(3)] + [park("boss@fern.example")]
    for row in rows:
        make_message(row.email, team=foreign if "fern" in row.email else mine, state=Message.State.SENT)
    chosen = {"action": "release_many", "_selected_action": [row.pk for row in rows[:2]]}
    leads_to = client.post(LIST, chosen)
    bulk = f"{reverse('admin:users_refusedaddress_bulk_release')}?ids={','.join(str(row.pk) for row in rows[1:])}"

    asked = client.get(leads_to["Location"]).text
    answer = client.post(bulk, follow=True).text
    staff(client, VIEW, team=mine)

    assert "Send mail to 2 addresses again?" in asked
    assert "2 addresses are released: mail goes there again." in answer
    assert set(RefusedAddress.objects.values_list("email", flat=True)) == {rows[0].email, rows[3].email}
    assert AddressEvent.objects.filter(kind="released", by=boss).count() == 2
    assert LogEntry.objects.filter(user=boss).count() == 2
    assert client.get(bulk).status_code == 403
    assert "release_many" not in client.get(LIST).text

"""Parked addresses in the portal: who sees which, on which pages, and releasing them."""

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from notifications.models import Message
from tests.notifications.support import make_message
from tests.portal.support import notices, staff
from tests.support.factories import NOW, make_team, make_user
from tests.tools import visible
from users.addresses import services as refused_addresses
from users.models import AddressEvent, RefusedAddress

pytestmark = pytest.mark.django_db
VIEW, RELEASE = "users.view_refusedaddress", "users.release_address"
LIST = reverse("admin:users_refusedaddress_changelist")


def park(email: str) -> RefusedAddress:
    refused_addresses.park_address(email, said="550 5.1.1 gone", now=NOW)
    return RefusedAddress.objects.get(email=email)


def ask(*rows: RefusedAddress) -> str:
    return f"{reverse('admin:users_refusedaddress_release')}?ids={','.join(str(row.pk) for row in rows)}"


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
    assert "550 5.1.1 gone" in text
    assert '2<span class="at-hidden">addresses that mail does not reach' in visible.dense(start)


def test_the_page_of_a_person_says_it_and_leads_to_the_address(client: Client) -> None:
    client.force_login(make_user("boss@example.com", is_staff=True, is_superuser=True))
    ada = make_user("ada@example.com", name="Ada Ode")
    park(ada.email)

    text = client.get(reverse("admin:users_user_change", args=[ada.pk])).text

    assert "550 5.1.1 gone" in text
    assert f"{LIST}?q=ada%40example.com" in text or f"{LIST}?q=ada@example.com" in text


def test_one_or_many_addresses_are_released_by_whoever_may_and_none_of_another_team(client: Client) -> None:
    mine, foreign = make_team("Lumen"), make_team("Fern")
    boss = staff(client, VIEW, RELEASE, team=mine)
    rows = [park(f"watch{number}@lumen.example") for number in range(3)] + [park("boss@fern.example")]
    for row in rows:
        make_message(row.email, team=foreign if "fern" in row.email else mine, state=Message.State.SENT)
    chosen = {"action": "release_many", "_selected_action": [row.pk for row in rows[:2]]}
    leads_to = client.post(LIST, chosen)
    one = ask(rows[0]).replace("&", "&amp;") in client.get(LIST).text

    asked = client.get(leads_to["Location"]).text
    answer, again = (notices(client.post(ask(*rows[1:]))) for _ in range(2))
    staff(client, VIEW, team=mine)

    assert one
    assert "Send mail to 2 addresses again?" in asked
    assert "2 addresses are released: mail goes there again." in answer
    assert "No address was chosen." in again
    assert set(RefusedAddress.objects.values_list("email", flat=True)) == {rows[0].email, rows[3].email}
    assert AddressEvent.objects.filter(kind="released", by=boss).count() == 2
    assert LogEntry.objects.filter(user=boss).count() == 2
    assert client.get(ask(*rows)).status_code == 403
    listed = client.get(LIST).text
    assert "release_many" not in listed
    assert "Release</a>" not in listed

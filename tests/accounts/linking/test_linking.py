"""Linking through the real handshake with the stand-in channels."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AccountToken, PendingLink
from tests.support import native
from tests.support.sandbox import Sandbox
from tokens.models import ChannelApp, Token
from users.models import User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def account(name: str = "Lumen Shoes EU") -> Account:
    return Account.objects.get(name=name)


def lumen(pending: PendingLink) -> str:
    """The id of Lumen Shoes EU in the list that waits to be chosen from."""
    return str(next(one["native_id"] for one in pending.offered if one["name"] == "Lumen Shoes EU"))


def test_the_choose_page_says_who_is_in_an_account_and_what_cannot_be_linked(ada: User, ben: User) -> None:
    native.keep(ben, "ben")
    client = browser(ada)

    page = client.get(native.consent(client, "facebook", "ada")).content.decode()

    assert "Linked by Ben. You become a backup." in page
    assert "Nobody else: no backup yet" in page
    assert "Cannot be linked" in page


def test_a_reader_is_told_that_he_is_no_backup_and_does_not_take_over(ada: User, ben: User) -> None:
    native.keep(ada, "ada")
    client = browser(ben)
    address = native.consent(client, "facebook", "chiara")
    page = client.get(address).content.decode()
    client.post(address, {"native_id": account().native_id})

    assert "Can only report. Not a backup." in page
    assert account().usable_count == 1


def test_a_closed_tab_loses_nothing(ada: User) -> None:
    native.keep(ada, "ada")
    Token.objects.update(state="dead", reason="expired")

    native.consent(browser(ada), "facebook", "ada")  # and the choose page is never sent

    assert Token.objects.get().state == "valid"
    assert account().state == "connected"


def test_a_partial_grant_says_what_is_missing(ada: User) -> None:
    client = browser(ada)

    page = client.get(native.consent(client, "facebook", "ada", scopes=["ads_read"])).content.decode()

    assert "Facebook gave us 1 of the 3 permissions." in page
    assert "Manage ads" in page


def test_a_smaller_grant_shows_what_it_no_longer_serves_and_those_now_dark_first(
    ada: User, ben: User
) -> None:
    names = ["Lumen Shoes EU", "Fern Gardens"]
    native.keep(ada, "ada", names)
    native.keep(ben, "ben")
    kept = account("Fern Gardens")
    client = browser(ada)

    address = native.consent(client, "facebook", "ada", accounts=[])
    page = client.get(address).content.decode()

    assert "You ticked fewer accounts at Facebook than before." in page
    assert page.index("Fern Gardens") < page.index("goes on through Ben")
    kept.refresh_from_db()
    assert kept.state == "deactivated"
    assert kept.reason == "access_lost"


def test_a_list_that_the_channel_did_not_show_takes_nothing_away_and_is_asked_for_by_going_there_again(
    ada: User, world: Sandbox
) -> None:
    native.keep(ada, "ada")
    client = browser(ada)
    back = native.decide(native.leave(client, "facebook"), "ada")
    world.add_fault("facebook", path="me/adaccounts", status=500, body={"error": {"code": 2}}, count=1)

    page = client.get(native.come_back(client, back)).content.decode()

    assert account().state == "connected"
    assert "Facebook did not show us the whole list." in page
    assert 'action="/link/facebook/"' in page


def test_nothing_and_an_id_that_was_not_offered_cannot_be_linked_nor_what_somebody_else_may_choose(
    ada: User, ben: User
) -> None:
    client = browser(ada)
    address = native.consent(client, "facebook", "ada")

    none, response = client.post(address), client.post(address, {"native_id": ["999999999"]})

    assert browser(ben).get(address).status_code == 410
    assert (none.status_code, response.status_code) == (400, 400)
    assert "Tick at least one account." in none.content.decode()
    assert "does not offer 999999999" in response.content.decode()
    assert PendingLink.objects.exists()
    assert not Account.objects.exists()


def test_reauthentication_by_the_same_person_skips_the_choice(ada: User) -> None:
    native.keep(ada, "ada")
    Token.objects.update(state="dead", reason="password_changed")
    client = browser(ada)
    path = reverse("reauthenticate", args=[account().pk])

    page = client.get(path).content.decode()
    where = native.consent(client, "facebook", "ada", path=path)

    assert "Your Facebook log-in stopped here" in page
    assert where.startswith(reverse("linked"))
    assert "1 account re-authenticated" in client.get(where).content.decode()
    assert account().state == "connected"


def test_reauthentication_as_somebody_else_adds_a_person_and_says_so(ada: User) -> None:
    native.keep(ada, "ada")
    client = browser(ada)
    path = reverse("reauthenticate", args=[account().pk])

    address = native.consent(client, "facebook", "ben", path=path)
    page = client.get(address).content.decode()
    client.post(address, {"native_id": account().native_id})

    assert "You logged in as someone else." in page
    assert account().pool.count() == 2


def test_an_unknown_channel_is_no_page(ada: User) -> None:
    assert browser(ada).get("/link/myspace/").status_code == 404


def test_a_channel_without_an_app_says_that_it_is_not_set_up(ada: User) -> None:
    ChannelApp.objects.filter(channel="tiktok").delete()

    response = browser(ada).get(reverse("link", args=["tiktok"]))

    assert "TikTok is not set up yet" in response.content.decode()


def test_a_number_that_names_no_account_is_no_error(ada: User) -> None:
    client = browser(ada)

    for number in ("²", "9" * 5000, "9" * 30, "a", "-1"):
        assert client.get(f"{reverse('linked')}?account={number}").status_code == 302
        assert client.get(f"{reverse('link', args=['facebook'])}?account={number}").status_code == 404


def test_going_back_after_linking_leads_to_what_was_linked(ada: User) -> None:
    client = browser(ada)
    way_back = native.decide(native.leave(client, "facebook"), "ada")
    choose = native.come_back(client, way_back)
    chosen = {"native_id": lumen(PendingLink.objects.get())}
    done = client.post(choose, chosen)

    assert client.post(choose, chosen)["Location"] == done["Location"]
    assert AccountToken.objects.count() == 1
    assert client.get(choose)["Location"] == done["Location"]
    assert client.get(native.come_back(client, way_back))["Location"] == done["Location"]

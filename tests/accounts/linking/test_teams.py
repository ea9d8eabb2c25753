"""Which team a newly linked account goes to: asked where there is a choice, proposed by the channel, remembered."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Account, AccountToken, PendingLink
from tests.support import native
from tests.support.factories import make_team, make_user
from tests.support.sandbox import Sandbox
from users.models import Membership, Team, User

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("world")]

QUESTION = "Which team are new accounts for?"


@pytest.fixture
def lumen() -> Team:
    return make_team("Lumen")


@pytest.fixture
def fern() -> Team:
    return make_team("Fern Gardens")


@pytest.fixture
def ada(lumen: Team, fern: Team) -> User:
    user = make_user("ada@example.com", name="Ada Okafor", team=lumen)
    Membership.objects.create(user=user, team=fern)
    return user


def browser(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def ids(*names: str) -> list[str]:
    offered = PendingLink.objects.get().offered
    return [one["native_id"] for one in offered if one["name"] in names]


def teams() -> dict[str, str]:
    return dict(Account.objects.values_list("name", "team__name"))


def test_a_person_in_two_teams_chooses_and_the_choice_is_proposed_next_time(ada: User, fern: Team) -> None:
    client = browser(ada)
    choose = native.consent(client, "x", "ada")

    first = client.get(choose).content.decode()
    client.post(choose, {"native_id": ids("Lumen Shoes EU"), "team": fern.pk})
    second = client.get(native.consent(client, "x", "ada")).content.decode()

    assert QUESTION in first
    assert first.index(">Lumen</option>") < first.index(">Fern Gardens</option>")
    assert teams() == {"Lumen Shoes EU": "Fern Gardens"}
    assert second.index(">Fern Gardens</option>") < second.index(">Lumen</option>")


def test_an_account_goes_to_the_team_that_bears_the_name_of_its_business(
    ada: User, lumen: Team, world: Sandbox
) -> None:
    world.put_account("facebook", "Fern Gardens", details={"business_name": "FERN gardens"})
    client = browser(ada)
    choose = native.consent(client, "facebook", "ada")

    page = client.get(choose).content.decode()
    client.post(choose, {"native_id": ids("Lumen Shoes EU", "Fern Gardens"), "team": lumen.pk})

    assert "Goes to the team Fern Gardens, named like its business at Facebook." in page
    assert "Your team's publishing system uses your permission." in page
    assert teams() == {"Lumen Shoes EU": "Lumen", "Fern Gardens": "Fern Gardens"}


def test_nobody_chooses_a_team_that_is_not_his(ada: User) -> None:
    client, foreign = browser(ada), make_team("Harbor")
    choose = native.consent(client, "x", "ada")

    response = client.post(choose, {"native_id": ids("Lumen Shoes EU"), "team": foreign.pk})

    assert (response.status_code, Account.objects.count()) == (400, 0)
    assert "Choose one of your own teams." in response.content.decode()


def test_who_is_in_one_team_is_not_asked_nor_where_every_account_is_here_already(
    ada: User, lumen: Team
) -> None:
    ben = browser(make_user(team=lumen))
    choose = native.consent(ben, "x", "ben")
    alone = ben.get(choose).content.decode()
    everything = [one["native_id"] for one in PendingLink.objects.get().offered]
    ben.post(choose, {"native_id": everything})

    client = browser(ada)
    again = client.get(native.consent(client, "x", "ben")).content.decode()

    assert (QUESTION in alone, QUESTION in again) == (False, False)


def test_an_account_whose_team_takes_its_own_people_only_cannot_be_ticked_nor_posted(ada: User) -> None:
    native.linked("x", "ben")
    walled = make_team("Harbor", members_only=True)
    Account.objects.update(team=walled)
    client = browser(ada)
    choose = native.consent(client, "x", "ada")

    page = client.get(choose).content.decode()
    response = client.post(choose, {"native_id": ids("Lumen Shoes EU")})

    assert "Its team accepts log-ins of its own people only" in page
    assert (response.status_code, AccountToken.objects.filter(token__consented_by=ada).count()) == (400, 0)


def test_the_page_of_a_mailed_link_says_that_the_team_takes_its_own_people_only(ada: User) -> None:
    native.keep(ada, "ada", channel="x")
    Account.objects.get().team.memberships.all().delete()
    Team.objects.filter(pk=Account.objects.get().team_id).update(members_only=True)

    page = browser(ada).get(reverse("reauthenticate", args=[Account.objects.get().pk])).content.decode()

    assert "This account’s team accepts log-ins of its own people only." in page
    assert "Continue to X" not in page


def test_a_re_authentication_that_drops_its_own_account_says_so(ada: User, world: Sandbox) -> None:
    native.keep(ada, "ada", ["Lumen Shoes EU", "Fern Gardens"])
    account = Account.objects.get(name="Lumen Shoes EU")
    AccountToken.objects.filter(account=account).update(access="lost", access_reason="access_lost")
    client = browser(ada)
    fern_id = Account.objects.get(name="Fern Gardens").native_id

    choose = native.consent(
        client,
        "facebook",
        "ada",
        path=reverse("reauthenticate", args=[account.pk]),
        accounts=[f"act_{fern_id}"],
    )

    page = client.get(choose).content.decode()
    assert "Lumen Shoes EU is not among them." in page
    assert "Log in again and tick it" in page


def test_somebody_else_who_cannot_reach_the_account_is_told_so(ada: User, world: Sandbox) -> None:
    native.keep(ada, "ada", channel="x")
    account = Account.objects.get()
    world.drop_role("x", "Lumen Shoes EU", "ben")
    client = browser(ada)

    choose = native.consent(client, "x", "ben", path=reverse("reauthenticate", args=[account.pk]))

    page = client.get(choose).content.decode()
    assert "Lumen Shoes EU is not among them." in page
    assert "does not show it to Ben Lindqvist" in page


def test_a_forwarded_link_names_nothing_and_says_the_same_of_an_account_that_there_is_not(ada: User) -> None:
    native.linked("x", "ben")
    Account.objects.update(team=make_team())
    client = browser(ada)

    foreign = client.get(reverse("reauthenticate", args=[Account.objects.get().pk]))
    missing = client.get(reverse("reauthenticate", args=[999_999]))
    linked = client.get(f"{reverse('linked')}?account={Account.objects.get().pk}")

    assert (foreign.status_code, missing.status_code) == (404, 404)
    assert linked["Location"] == reverse("my_accounts")
    for page in (foreign.content.decode(), missing.content.decode()):
        assert "This link is for somebody else" in page
        assert "ada@example.com" in page
        assert "Lumen" not in page

"""The portal's search: accounts, people, teams, macros, codes and pages, each for whoever may open it, in the reader's language."""

from collections.abc import Callable
from html import unescape

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import LinkProblem
from macros.models import Macro
from tests.support.factories import make_account, make_team, make_user
from users.models import Team, User
from users.people.models import Role
from users.people.services import give_role

pytestmark = pytest.mark.django_db
Search = Callable[[str], str]


@pytest.fixture
def lumen() -> Team:
    team = make_team("Lumen Schuhe")
    make_team("Fern Gärten")
    make_account(name="Lumen Shoes EU", native_id="402188371102", team=team)
    make_account(name="Fern Gardens", native_id="318204957716203", team=Team.objects.get(name="Fern Gärten"))
    make_user("ada@lumen.example", name="Ada Okafor", team=team)
    make_user("petra@fern.example", name="Petra Vogel", team=Team.objects.get(name="Fern Gärten"))
    Macro.objects.create(name="Early warning", scope=Macro.AppliesTo.ALL, team=team)
    return team


def searching(client: Client, role: Role, team: Team, language: str = "en-gb") -> Search:
    user = make_user(f"{role}@example.com", team=team, language=language)
    give_role(user, role)
    client.force_login(User.objects.get(pk=user.pk))
    return lambda term: unescape(client.get("/admin/search/", {"s": term, "extended": "1"}).text)


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AUDITOR, Role.ADMINISTRATOR])
def test_it_finds_what_the_role_may_open_and_nothing_else(client: Client, lumen: Team, role: Role) -> None:
    search = searching(client, role, lumen)
    sees_all = role != Role.MANAGER

    assert ("Fern Gardens" in search("gardens")) == sees_all
    assert ("petra@fern.example" in search("petra")) == sees_all
    assert ("/admin/users/team/" in search("fern gär")) == sees_all
    assert ("/admin/accounts/account/import/" in search("import")) == (role != Role.AUDITOR)


def test_it_finds_accounts_people_teams_macros_and_pages(client: Client, lumen: Team) -> None:
    search = searching(client, Role.MANAGER, lumen)

    assert "Lumen Shoes EU" in search("shoes")
    assert "Lumen Shoes EU" in search("act_4021883")
    assert "Lumen Shoes EU" not in search("act_"), "what stands before each id says nothing of one"
    assert "Lumen Shoes EU" in search("402188371102")
    assert "ada@lumen.example" in search("okaf")
    assert "/admin/users/team/" in search("Lumen Sch")
    assert "Early warning" in search("early")
    assert "/client-links/" in search("client links")
    for page in ("Macros", "Social Accounts"):
        assert f'data-title="{page}"' in search(page.lower())


def test_a_code_is_found_with_and_without_its_letters(client: Client, lumen: Team) -> None:
    search = searching(client, Role.ADMINISTRATOR, lumen)
    LinkProblem.objects.create(code="LNK-DB917F", channel="facebook", kind="stopped", at=timezone.now())

    assert all("LNK-DB917F" in search(term) for term in ("LNK-DB917F", "lnk db91", "db917f"))


def test_pages_are_found_by_their_names_in_the_language_of_the_reader(client: Client, lumen: Team) -> None:
    search = searching(client, Role.MANAGER, lumen, "de")

    assert "/admin/macros/macro/" in search("makros")
    assert "/admin/accounts/account/" in search("werbekonten")
    assert "/admin/accounts/account/import/" in search("importieren")
    assert "Nichts heißt „qqq“" in search("qqq")

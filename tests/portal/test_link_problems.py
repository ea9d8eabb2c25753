"""The code on the page of a failed link leads staff to what happened; the portal's search finds it, accounts and people."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.asks import links
from accounts.linking import errors as link_errors
from accounts.models import LinkProblem
from accounts.tasks import tidy
from tests.portal.support import linked, staff, token_of
from tests.support.factories import make_account, make_app, make_team, make_user
from users.models import User

pytestmark = pytest.mark.django_db

SEE = ("accounts.view_linkproblem", "users.view_user", "macros.view_macro")


def fail_to_link(user: User) -> str:
    """Come back from the channel with a state that nobody knows, and read the code on the page."""
    make_app()
    browser = Client()
    browser.force_login(user)
    page = browser.get(reverse("facebook_callback"), {"code": "x", "state": "y"})
    found = re.search(r"LNK-[0-9A-F]{6}", page.text)
    assert found
    return found[0]


def search(client: Client, term: str) -> str:
    return client.get(reverse("admin:search"), {"s": term, "extended": "1"}).text


def test_the_code_on_the_page_is_kept_with_person_channel_kind_and_time() -> None:
    ada = make_user("ada@example.com")

    code = fail_to_link(ada)

    row = LinkProblem.objects.get(code=code)
    assert (row.user, row.channel, row.kind) == (ada, "facebook", "too_late")
    assert timezone.now() - row.at < timedelta(minutes=1)


def test_a_stranger_writes_no_row(client: Client) -> None:
    make_app()
    page = client.get(reverse("facebook_callback"), {"code": "x", "state": "y"})

    assert page.status_code == 400
    assert "The code below is in AdToken’s log." in page.text
    assert "They find what happened" not in page.text
    assert not LinkProblem.objects.exists()


def test_the_search_finds_the_code_and_its_page_says_what_to_do(client: Client) -> None:
    code = fail_to_link(make_user("ada@example.com", name="Ada Okafor"))
    staff(client, *SEE)

    found = search(client, code)

    link = re.search(r'href="(/admin/accounts/linkproblem/\d+/change/)"', found)
    assert link
    assert "Ada Okafor" in found
    page = client.get(link[1]).text
    assert "This took too long" in page
    assert "ada@example.com" in page
    assert "Begin again with Add Account" in page
    assert code in client.get(reverse("admin:accounts_linkproblem_changelist"), {"q": code}).text


def test_failed_links_of_other_teams_are_not_found(client: Client) -> None:
    code = fail_to_link(make_user(team=make_team()))
    problem = LinkProblem.objects.get()
    staff(client, *SEE, team=make_team())

    found = search(client, code)
    page = client.get(reverse("admin:accounts_linkproblem_change", args=[problem.pk]))

    assert "Nothing is called" in found
    assert page.status_code == 404


def test_the_client_link_of_another_team_is_not_told_of_a_contact_of_both(client: Client) -> None:
    ours, theirs = make_team("Lumen"), make_team("Moss")
    ada, now = make_user("ada@client.example", team=ours), timezone.now()
    asked: dict[str, Any] = {"email": ada.email, "name": "Ada", "channels": ["x"], "now": now}
    link = links.make_link(team=theirs, made_by=make_user(name="Mo", team=theirs), **asked)
    kind = LinkProblem.Kind.TOO_LATE
    problem = LinkProblem.objects.create(
        code="LNK-ABC123", user=ada, client_link=link, channel="x", kind=kind, at=now
    )
    address = reverse("admin:accounts_linkproblem_change", args=[problem.pk])
    shown = {}
    for team in (ours, theirs):
        staff(client, *SEE, team=team)
        shown[team] = " ".join(client.get(address).text.split())

    assert "ada@client.example" in shown[ours]
    assert "Ask the client to open the link again" in shown[ours]
    assert [name for name in ("Moss", "Mo<", "made by") if name in shown[ours]] == []
    assert "ada@client.example · Moss · made by Mo" in shown[theirs]


def test_without_the_permission_nothing_is_found(client: Client) -> None:
    code = fail_to_link(make_user())
    staff(client)

    assert "Nothing is called" in search(client, code)


def test_an_account_that_moved_out_of_reach_is_not_found_a_moment_later(client: Client) -> None:
    team = make_team()
    account = make_account(name="Lumen Shoes EU", team=team)
    staff(client, *SEE, team=team)
    before = search(client, "lumen")

    account.team = make_team()
    account.save()

    assert "Lumen Shoes EU" in before
    assert "Lumen Shoes EU" not in search(client, "lumen")


def test_the_search_finds_an_account_by_its_person(client: Client) -> None:
    linked(token_of("Ada Okafor"), name="Fern Gardens")
    staff(client, *SEE)

    assert "Fern Gardens" in search(client, "okafor")


@pytest.mark.parametrize("kind", list(LinkProblem.Kind))
def test_each_kind_of_failure_says_what_to_do(kind: LinkProblem.Kind) -> None:
    words = render_to_string("portal/_link_problem_steps.html", {"kind": kind})

    assert words.strip().endswith(".")
    assert kind in link_errors.ERRORS


def test_failed_links_go_after_90_days() -> None:
    now = timezone.now()
    user = make_user()
    for age in (89, 91):
        LinkProblem.objects.create(user=user, channel="x", kind="silent", at=now - timedelta(days=age))

    tidy()

    assert LinkProblem.objects.count() == 1

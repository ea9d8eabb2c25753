"""Every page of the portal that a role may open is found by links from its start page: the menu, tabs and buttons."""

import re
from collections.abc import Mapping
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client

from benchmarks.addresses import patterns
from tests.support.factories import make_account, make_user
from users.models import User
from users.people.models import Role
from users.people.services import give_role

START = "/admin/"
# Pages to which nothing leads here, and why.
NO_LINK = {
    "/admin/accounts/account/views/save/",  # offered while the list is narrowed
    "/admin/accounts/account/jobs/",  # offered to whoever has begun one, and to whoever sees those of all
    "/admin/ask-due/",  # offered while something is due
    "/admin/tokens/token/ask/",  # an action of the list of log-ins leads there, by a button with its name
    "/admin/password_change/done/",  # Django's own; ours is under Profile
}


def known() -> set[str]:
    """Return the addresses of the portal that are of no row."""
    return {
        f"/{one}" for one in patterns() if one.startswith("admin/") and not re.search(r"[<(^]|logout", one)
    }


def unreached(pages: Mapping[str, str]) -> set[str]:
    """Return those of these pages, given as HTML by address ("" is none), to which no link leads from the start page."""
    asked, reached, new = known(), set[str](), {START}
    while new:
        reached |= new
        links = [
            (page, link) for page in new for link in re.findall(r'\shref="([^"#]*)"', pages.get(page, ""))
        ]
        new = {urlsplit(urljoin(page, unescape(link))).path for page, link in links} & asked - reached
    return {page for page, html in pages.items() if html} & asked - reached - NO_LINK


@pytest.mark.django_db
def test_each_page_that_administrators_may_open_is_found_from_the_start_page(client: Client) -> None:
    """Other roles: tests/users/test_roles.py."""
    user = make_user()
    give_role(user, Role.ADMINISTRATOR)
    client.force_login(User.objects.get(pk=user.pk))
    make_account()

    answers = {path: client.get(path) for path in known()}
    pages = {
        path: answer.text
        for path, answer in answers.items()
        if answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
    }

    assert unreached(pages) == set()
    assert len(pages) > 12

"""Every page of the portal that a role may open is found by links from its start page: the menu, tabs and buttons."""

import re
from html import unescape
from urllib.parse import urljoin, urlsplit

import pytest
from django.test import Client

from benchmarks.addresses import patterns
from tests.support.factories import make_account, make_user
from users import roles
from users.models import User
from users.role_choices import Role

START = "/admin/"
# Pages to which nothing leads here, and why.
NO_LINK = {
    "/admin/accounts/account/views/save/",  # offered while the list is narrowed
    "/admin/accounts/account/jobs/",  # offered to whoever has begun one, and to whoever sees those of all
    "/admin/ask-due/",  # offered while something is due
    "/admin/tokens/token/ask/",  # an action of the list of log-ins leads there, by a button with its name
    "/admin/password_change/done/",  # Django's own; ours is under Profile
}


def opened(client: Client, path: str) -> str:
    """Return a page; "" for what is none, or not for this person."""
    answer = client.get(path)
    is_page = answer.status_code == 200 and answer["Content-Type"].startswith("text/html")
    return answer.text if is_page else ""


@pytest.mark.django_db
@pytest.mark.parametrize("role", [None, Role.ADMINISTRATOR, Role.MANAGER, Role.AUDITOR])
def test_each_page_that_a_role_may_open_is_found_from_its_start_page(
    client: Client, role: Role | None
) -> None:
    user = make_user(is_staff=role is None, is_superuser=role is None)
    if role is not None:
        roles.give(user, role)
    client.force_login(User.objects.get(pk=user.pk))
    make_account()
    known = {
        f"/{one}" for one in patterns() if one.startswith("admin/") and not re.search(r"[<(^]|logout", one)
    }

    pages = {path: opened(client, path) for path in known}
    reached, new = set[str](), {START}
    while new:
        reached |= new
        links = [
            (page, link) for page in new for link in re.findall(r'\shref="([^"#]*)"', pages.get(page, ""))
        ]
        new = {urlsplit(urljoin(page, unescape(link))).path for page, link in links} & known - reached

    unreached = {path for path, page in pages.items() if page} - reached - NO_LINK
    assert not unreached, "\n".join(sorted(unreached))
    assert len(reached) > 12
    assert ("/admin/accounts/account/import/" in reached) == (role != Role.AUDITOR)
    assert 'href="/client-links/"' in pages[START]

"""Four roles: what each may do is one table, an auditor sees everything and changes nothing, and what is not allowed is not offered."""

import re
from collections.abc import Iterable, Iterator
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import Group, Permission
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone
from pytest_django import Settings

from adtoken_project.setup.groups import OUR_APPS, ensure_groups
from tests.portal.test_reachable import unreached
from tests.support import world as worlds
from tests.support.factories import link, make_account, make_team, make_token, make_user
from tests.support.rows import fingerprints
from tests.support.sandbox import Sandbox
from tests.support.world import World
from users.invitations import services as invitations
from users.models import Team, User
from users.people.models import GROUPS, Role
from users.people.queries import names_for
from users.people.services import give_role

TABLE = Path(__file__).parents[2] / "docs" / "roles.md"
# Sessions of whoever logs in or out, and the person's own settings.
OWN = {"users.Session", "users.LoginRecord"}
# Of the person who presses, whatever the role: the own log-in, its password, its second factor, and what the reader of a mail may do.
OWN_PAGES = ("/accounts/", "/profile/", "/i18n/", "/mail/", "/invitation/")


def person_of(role: Role, email: str, **fields: Any) -> User:
    user = make_user(email, **fields)
    give_role(user, role)
    return User.objects.get(pk=user.pk)


def asked_for() -> list[Permission]:
    """Return the permissions that something asks for: our own, and those of Django's that a page of the portal lets anybody use."""
    everything = RequestFactory().get("/")
    everything.user = User(is_superuser=True, is_staff=True)
    used = {
        (page.opts.app_label, f"{verb}_{page.opts.model_name}")
        for page in admin.site._registry.values()
        for verb in ("view", "add", "change", "delete")
        if getattr(page, f"has_{verb}_permission")(everything)
    }
    used.add(("users", "view_session"))  # the card of a person's page asks for it
    ours = Permission.objects.filter(content_type__app_label__in=OUR_APPS).select_related("content_type")
    own = {name for model in apps.get_models() for name, _ in model._meta.permissions}
    return [one for one in ours if one.codename in own or (one.content_type.app_label, one.codename) in used]


@pytest.mark.django_db
def test_the_table_in_the_docs_is_what_the_groups_may_do() -> None:
    rows = re.findall(r"^\| (Can [^|]+?) \| (.*?) \|$", TABLE.read_text(encoding="utf-8"), re.MULTILINE)
    told = {name: tuple(cell.strip() for cell in cells.split("|")) for name, cells in rows}
    held = {
        group: set(Group.objects.get(name=group).permissions.values_list("pk", flat=True))
        for group in (GROUPS[Role.MANAGER], GROUPS[Role.AUDITOR], GROUPS[Role.ADMINISTRATOR])
    }
    truth = {one.name: tuple("yes" if one.pk in has else "" for has in held.values()) for one in asked_for()}

    assert told == truth


@pytest.mark.django_db
def test_an_invitation_gives_its_role_and_takes_no_wider_one_away() -> None:
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    ina, now = make_user("ina@example.com"), timezone.now()
    became = []
    for name, role in (("Fern", Role.AUDITOR), ("Moss", Role.MANAGER), ("Reed", Role.AUDITOR)):
        team = make_team(name)
        made = invitations.create(email=ina.email, team=team, invited_by=boss, now=now, role=role)
        invitations.join(invitation=made, user=ina, now=now)
        known = User.objects.get(pk=ina.pk)
        became.append((known.role, known.sees_all_teams))

    assert became == [(Role.AUDITOR, True), (Role.MANAGER, False), (Role.MANAGER, False)]


@pytest.mark.django_db
def test_staff_of_a_group_of_their_own_become_no_auditors_who_act_in_all_teams() -> None:
    own = Group.objects.create(name="Night shift")
    noor = make_user("noor@example.com", is_staff=True)
    noor.groups.add(own)

    give_role(noor, Role.AUDITOR)

    assert not User.objects.get(pk=noor.pk).sees_all_teams


@pytest.mark.django_db
def test_an_auditor_sees_accounts_people_and_names_of_all_teams_and_a_manager_those_of_the_own(
    client: Client,
) -> None:
    mine, foreign = make_team("Lumen"), make_team("Fern")
    petra = make_user("petra@example.com", name="Petra Vogel", team=foreign)
    account = make_account(name="Fern Gardens", team=foreign)
    token = make_token(consented_by=petra)
    link(account, token)
    auditor, manager = (
        person_of(role, f"{role}@example.com", team=mine) for role in (Role.AUDITOR, Role.MANAGER)
    )

    seen = {}
    for user in (auditor, manager):
        client.force_login(user)
        seen[user] = [
            client.get(reverse(f"admin:{name}_changelist")).text
            for name in ("accounts_account", "users_user", "users_team")
        ]

    assert [
        word in page
        for word, page in zip(("Fern Gardens", "Petra Vogel", "Fern"), seen[auditor], strict=True)
    ] == [True] * 3
    assert [
        word in page
        for word, page in zip(("Fern Gardens", "Petra Vogel", "Fern"), seen[manager], strict=True)
    ] == [False] * 3
    assert names_for(auditor).sees_all
    assert not names_for(manager).sees_all


@pytest.fixture
def world(channels_world: Sandbox, settings: Settings) -> World:
    settings.DEMO = True
    made = worlds.build(channels_world)
    ensure_groups()  # a transactional test empties the tables
    return made


# What our forms ask for: a page that only lacked a field would change nothing either.
POSTED = {
    "note": "why", "seen": "x", "confirm": "1", "post": "yes", "reason": "why", "email": "new@example.net", "name": "New", "team": "1",
    "role": "manager", "action": "pause", "_selected_action": "1", "days": "7", "native_ids": "1", "scopes": "lease", "means": "transient",
}  # fmt: skip


@pytest.fixture
def addresses(world: World) -> list[str]:
    """Our pages, but for the person's own and those that end a session."""
    return [
        one
        for one in worlds.addresses(world)
        if not one.startswith(OWN_PAGES) and not one.endswith(("/callback/", "/logout/"))
    ]


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_auditors_read_what_administrators_read_and_change_nothing_and_no_role_is_offered_what_is_refused(
    world: World, addresses: list[str]
) -> None:
    boss = world.browser(world.staff)
    auditor = world.browser(person_of(Role.AUDITOR, "ina@example.com"))
    manager = world.browser(person_of(Role.MANAGER, "max@example.com", team=Team.default()))
    lists = [one for one in addresses if re.fullmatch(r"/admin/(\w+/\w+/(\d+/change/)?)?", one)]
    before = fingerprints(without=OWN)

    seen = Walk(auditor, addresses)
    unread = [one for one in lists if seen.statuses[one] != 200 == boss.get(one).status_code]
    answers = {one: auditor.post(one, POSTED).status_code for one in addresses}

    assert not unread, "\n".join(unread)
    assert seen.refused(methods={"get", "post"}) == {}
    assert unreached(seen.pages) == set()
    assert {one: code for one, code in answers.items() if code >= 500} == {}
    assert fingerprints(without=OWN) == before
    assert len(lists) > 15
    assert len(seen.found) > 40

    seen = Walk(manager, [one for one in addresses if one.startswith("/admin/")])
    assert seen.refused(methods={"get"}) == {}
    assert unreached(seen.pages) == set()


class Walk:
    """What somebody sees of all addresses.

    `statuses` and `pages`: what each answered, and its HTML if it is a page; `found`: what the pages lead to, by method and path, whose
    numbers stand for those of all rows: an address with its query, and the page.
    """

    def __init__(self, client: Client, addresses: Iterable[str]) -> None:
        self.client, self.statuses, self.pages = client, dict[str, int](), dict[str, str]()
        self.found: dict[tuple[str, str], tuple[str, str]] = {}
        for page in addresses:
            answer = client.get(page)
            self.statuses[page] = answer.status_code
            if answer.status_code == 200 and answer["Content-Type"].startswith("text/html"):
                self.pages[page] = answer.text
                for method, path, query in offers(page, answer.text):
                    self.found.setdefault((method, re.sub(r"\d+", "1", path)), (path + query, page))

    def refused(self, *, methods: set[str]) -> dict[str, str]:
        """Return the pages on which the person is offered what they are refused, by what that is."""
        return {
            f"{method} {address}": page
            for (method, _), (address, page) in self.found.items()
            if method in methods and self._answer(method, address) == 403
        }

    def _answer(self, method: str, address: str) -> int:
        """Return the status of an address; what was opened before is not opened again."""
        if method == "get" and address in self.statuses:
            return self.statuses[address]
        return int(getattr(self.client, method)(address).status_code)


def offers(page: str, html: str) -> Iterator[tuple[str, str, str]]:
    """Give our own addresses that a page leads to, by links and by forms with a button: method, path, query."""
    links = [(tag, tag) for tag in re.findall(r"<a\b[^>]*>", html)]
    forms = re.findall(r"(<form\b[^>]*>)(.*?)</form>", html, re.DOTALL)
    buttons = re.compile(r'<button(?![^>]*type="button")|type="submit"')
    for tag, content in [*links, *(form for form in forms if buttons.search(form[1]))]:
        found = re.search(r'\s(?:href|action)="([^"#]*)"', tag)
        if found is None and tag is content:
            continue  # an anchor
        address = urlsplit(urljoin(page, unescape(found[1]) if found else ""))
        ours = not address.netloc and not address.path.endswith("/logout/")
        if ours and not address.path.startswith((*OWN_PAGES, "/static/")):
            method = "post" if re.search(r'method="post"', tag, re.IGNORECASE) else "get"
            yield method, address.path, f"?{address.query}" if address.query else ""

"""Client links where something goes wrong, and what a stranger reads of who asks."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import tasks
from accounts.asks import links, mails
from accounts.asks.models import LinkState
from accounts.models import Ask, LinkProblem
from accounts.sync import entries as pool_entries
from notifications.models import Message
from tests.portal.support import staff
from tests.selfservice.test_client_links import choose, go, made
from tests.selfservice.test_renewal import revoked
from tests.support import native
from tests.support.factories import make_team, make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import Team, User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("world")]
CONTACT = "ada.client@example.com"


def test_a_consent_that_cannot_be_kept_leaves_nobody_behind_and_the_link_still_works(
    mira: User, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    link, browser = made(mira, team), Client(raise_request_exception=False)
    left = browser.post(link.link_path, {"channel": "facebook"}).headers["Location"]

    def breaks(**_facts: Any) -> None:
        raise RuntimeError("the database is away")

    with monkeypatch.context() as patched:
        patched.setattr(pool_entries, "apply_answers", breaks)
        failed = native.back(browser, native.decide(left, "ada"))
    after = (User.objects.filter(is_contact=True).count(), Token.objects.count())
    link.refresh_from_db()
    state = link.link_state(timezone.now())
    again, _ = go(link)
    done = again.get(choose(again, "Lumen Shoes EU")).text

    assert failed.status_code >= 400
    assert after == (0, 0)
    assert (link.contact, state) == (None, LinkState.OPEN)
    assert "Thank you" in done
    assert Token.objects.get().consented_by == User.objects.get(is_contact=True)


def test_the_code_that_a_client_reads_out_is_found_by_the_team_of_the_link_and_is_nobody_elses(
    mira: User, team: Team, client: Client
) -> None:
    blue, browser = make_team("Blue"), Client()
    browser.force_login(make_user("eve@example.com", name="Eve", team=blue))
    left = browser.post(made(mira, team).link_path, {"channel": "facebook"}).headers["Location"]

    page = native.back(browser, native.decide(left, "ada", action="cancel")).text
    problem = LinkProblem.objects.get()
    address = reverse("admin:accounts_linkproblem_change", args=[problem.pk])
    seen = []
    for of_staff in (team, blue):
        staff(client, "accounts.view_linkproblem", team=of_staff)
        found = client.get(reverse("admin:search"), {"s": problem.code, "extended": "1"}).text
        seen.append((address in found, client.get(address)))

    assert problem.code in page
    assert problem.user is None
    assert [(found, told.status_code) for found, told in seen] == [(True, 200), (False, 404)]
    told = " ".join(seen[0][1].text.split())
    assert f"{CONTACT} · Lumen · made by Mira Ode" in told
    assert "Ask the client to open the link again" in told
    assert "somebody who was deleted" not in told


def test_a_consent_of_whoever_is_switched_off_at_that_moment_ends_at_the_channel(
    world: Sandbox, mira: User, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    makes = links.make_contact

    def is_switched_off(link: Ask) -> User:
        user = makes(link)
        User.objects.filter(pk=user.pk).update(is_active=False)
        return user

    monkeypatch.setattr(links, "make_contact", is_switched_off)
    browser = Client()
    left = browser.post(made(mira, team).link_path, {"channel": "facebook"}).headers["Location"]
    native.back(browser, native.decide(left, "ada"))

    assert revoked(world)
    assert not Token.objects.exists()


def test_a_contact_who_links_nothing_joins_no_team(mira: User, team: Team) -> None:
    blue = make_team("Blue")
    bea = make_user("bea@example.com", team=blue)
    contact = make_user(CONTACT, name="Ada", team=team, password="", is_contact=True)
    native.linked_before("facebook", contact)
    second = made(bea, blue)
    browser, choice = go(second)

    wrong = browser.post(choice, {"native_id": "1"})
    Ask.objects.client_links().filter(pk=second.pk).update(used={"facebook": []})
    late = browser.post(choice, {"native_id": "1"})

    assert (wrong.status_code, late.status_code) == (400, 409)
    assert list(Team.objects.filter(memberships__user__is_contact=True)) == [team]


def test_whoever_turned_back_is_forgotten(mira: User, team: Team) -> None:
    go(made(mira, team))
    go(made(mira, team, email="ben@example.com"), "ben")
    Token.objects.filter(consented_by__email=CONTACT).delete()  # as the sweep does, of what was never linked

    tasks.tidy()

    assert [one.email for one in User.objects.filter(is_contact=True)] == ["ben@example.com"]


def test_the_page_and_the_mail_name_the_organisation(settings: Any, mira: User, team: Team) -> None:
    settings.ORGANISATION_NAME = "Nordlicht Media"
    link = made(mira, team)

    page = Client().get(link.link_path).text
    mail = mails.build_mail(Message.objects.get(kind="ask"))

    assert "Mira Ode of Nordlicht Media asks for access to your ad accounts" in page
    assert mail.subject == "Mira Ode of Nordlicht Media asks for access to your ad accounts"

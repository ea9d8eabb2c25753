"""A team of its own people only: whoever takes somebody out of it, or closes it, reads first what stops, and its leads are told at once."""

import re
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.models import Account
from accounts.pool import services as pool
from notifications.models import Message
from tests.support import news
from tests.support.factories import link, make_account, make_team, make_token, make_user
from tests.tools import visible
from users.models import Membership, Team, User

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("boss")]


def blue(*, closed: bool, ada_is_in: bool) -> tuple[Team, User, User, list[Account]]:
    """Team Blue with a lead, and two accounts that Ada alone carries."""
    team = make_team("Blue", members_only=closed)
    lead = make_user("lead@example.com", name="Lea", team=team)
    Membership.objects.filter(user=lead).update(role=Membership.Role.TEAM_LEAD)
    ada = make_user("ada@example.com", name="Ada Ling", team=team if ada_is_in else make_team("Red"))
    accounts = [make_account(name=f"Lumen {name}", team=team) for name in ("EU", "US")]
    for account in accounts:
        link(account, make_token(consented_by=ada))
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in accounts], cause="linked", now=timezone.now())
    return team, lead, ada, accounts


def rows(*people: User, team: Team, delete: User | None = None, column: str = "user") -> dict[str, Any]:
    """The rows of memberships as the form sends them."""
    form: dict[str, Any] = {"memberships-TOTAL_FORMS": len(people), "memberships-INITIAL_FORMS": len(people)}
    for number, one in enumerate(people):
        membership = Membership.objects.get(user=one, team=team)
        at = f"memberships-{number}-"
        other = "team" if column == "user" else "user"
        form |= {at + "id": membership.pk, at + "role": membership.role}
        form |= {
            at + column: getattr(membership, f"{column}_id"),
            at + other: getattr(membership, f"{other}_id"),
        }
        if one == delete:
            form[at + "DELETE"] = "on"
    return form


def team_form(
    team: Team, *people: User, delete: User | None = None, closed: bool
) -> tuple[str, dict[str, Any]]:
    more = {"members_only": "on"} if closed else {}
    form = {"name": team.name, **more, **rows(*people, team=team, delete=delete)}
    return reverse("admin:users_team_change", args=[team.pk]), form


def states(accounts: list[Account]) -> set[str]:
    return set(Account.objects.filter(pk__in=[one.pk for one in accounts]).values_list("state", flat=True))


@pytest.mark.parametrize("way", ["person", "team", "tick"])
def test_what_stops_is_read_first_and_the_leads_are_told(client: Client, way: str) -> None:
    team, lead, ada, accounts = blue(closed=way != "tick", ada_is_in=way != "tick")
    if way == "person":
        name = "Ada Ling"
        url = reverse("admin:users_user_change", args=[ada.pk])
        form = {"email": ada.email, "name": ada.name, "theme": "auto", "is_active": "on", "role": "marketer"}
        form |= rows(ada, team=team, delete=ada, column="team")
    elif way == "team":
        name = "Blue"
        url, form = team_form(team, lead, ada, delete=ada, closed=True)
    else:
        name = "Blue"
        url, form = team_form(team, lead, closed=True)

    asked = client.post(url, form)
    untouched = (states(accounts), Message.objects.count(), Membership.objects.filter(user=ada).count())
    page = " ".join(re.sub(r"<[^>]+>", " ", asked.text).split())
    hidden = r'<input type="hidden" name="([^"]+)" value="([^"]*)">'
    kept = dict(re.findall(hidden, visible.dense(asked.text)))
    kept.pop("csrfmiddlewaretoken", None)
    unnamed = client.post(url, kept | {"typed": "Somebody"})
    still = states(accounts)
    done = client.post(url, kept | {"typed": name})

    assert asked.status_code == 200
    assert "2 accounts stop at once: nobody else keeps them connected." in page
    assert "Lumen EU" in page
    assert untouched == ({"connected"}, 0, 1)
    assert "This is not the name." in unnamed.text
    assert still == {"connected"}
    assert done.status_code == 302
    assert states(accounts) == {"deactivated"}
    mail = news.built(lead.email)
    assert "is deactivated: waiting for an administrator of AdToken (+1 more)" in mail.subject
    assert "Waiting for an administrator of AdToken" in " ".join(mail.text.split()), (
        "a lead may not open the team"
    )
    assert "Lumen EU" in mail.text


def test_what_stops_nothing_is_saved_at_once_and_the_leads_are_told_who_carries_on(client: Client) -> None:
    team, lead, ada, accounts = blue(closed=True, ada_is_in=True)
    for account in accounts:
        link(account, make_token(consented_by=lead))
    with transaction.atomic():
        pool.settle(account_ids=[one.pk for one in accounts], cause="linked", now=timezone.now())
    news.tell()
    Message.objects.all().delete()
    url, form = team_form(team, lead, ada, delete=ada, closed=True)

    client.post(url, form)
    mail = news.built()
    Membership.objects.create(user=ada, team=team)

    assert states(accounts) == {"connected"}
    assert "goes on through" in mail.subject


def test_a_change_that_takes_nothing_from_accounts_tells_nobody(client: Client) -> None:
    team, lead, _, accounts = blue(closed=True, ada_is_in=True)
    idle = make_user("idle@example.com", team=team)
    url, form = team_form(team, lead, idle, delete=idle, closed=True)

    done = client.post(url, form)

    assert done.status_code == 302
    assert states(accounts) == {"connected"}
    assert not Message.objects.exists()

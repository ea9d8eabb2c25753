"""Removing one's own log-in: who could carry on is named, asked or invited from the same page; other teams are left alone."""

import re
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import pool
from accounts.models import Account, BackupRequest, ReachedAccount
from notifications.models import Message
from tests.support import native
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import Team, User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _world(channels_world: Sandbox) -> None:
    native.set_up_apps(channels_world)


def log_in(person: User, **fields: Any) -> Token:
    return make_token(make_app(), consented_by=person, first_linked_at=timezone.now(), **fields)


def carried(*tokens: Token, team: Team, name: str) -> Account:
    account = make_account(team=team, name=name)
    for token in tokens:
        link(account, token)
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause="linked", now=timezone.now())
    return account


def reaches(token: Token, account: Account) -> None:
    facts: dict[str, Any] = {"can_publish": "yes", "role": "Admin", "seen_at": timezone.now()}
    ReachedAccount.objects.create(token=token, native_id=account.native_id, **facts)


def test_who_could_carry_on_is_asked_from_the_page_and_nobody_of_another_team() -> None:
    team, other = make_team("Lumen"), make_team("Fern")
    mara, emil = (
        make_user("mara@example.com", team=team),
        make_user("emil@example.com", name="Emil", team=team),
    )
    cleo, petra = (
        make_user("cleo@example.com", name="Cleo", team=team),
        make_user("petra@example.com", team=other),
    )
    mine, theirs = log_in(mara), log_in(petra)
    at_hand = carried(mine, team=team, name="Lumen EU")
    carried(mine, log_in(cleo, state="dead"), team=team, name="Lumen US")
    alone = carried(mine, team=team, name="Lumen Home")
    foreign = carried(mine, team=other, name="Fern Gardens")
    reaches(log_in(emil), at_hand)
    reaches(theirs, foreign)
    client = Client()
    client.force_login(mara)
    url = reverse("remove_log_in", args=[mine.pk])

    shown = client.get(url).text
    said = " ".join(re.sub(r"<[^>]+>", " ", shown).split())
    seen = re.search(r'name="seen" value="(\d+)"', shown)
    assert seen
    name = mine.native_user_name or mine.native_user_id
    stale = client.post(url, {"seen": "99", "typed": name, "backups": "on", "asks": "on"})
    nobody_yet = Message.objects.count()
    client.post(url, {"seen": seen[1], "typed": name, "backups": "on", "asks": "on"})

    assert stale.status_code == 302
    assert nobody_yet == 0
    assert "Lumen EU (Facebook): Emil, whose log-in reaches it" in said
    assert "Lumen US (Facebook): Cleo, whose log-in there stopped" in said
    assert "Lumen Home (Facebook): nobody else known" in said
    assert "Petra" not in said
    assert f"{reverse('invite_backup')}?account={alone.pk}" in shown
    mine.refresh_from_db()
    assert mine.is_removed
    assert list(BackupRequest.objects.values_list("account", "token__consented_by")) == [
        (at_hand.pk, emil.pk)
    ]
    asked = Message.objects.filter(kind__in=["ask", "backup_ask"]).values_list("kind", "recipient")
    assert set(asked) == {("ask", "cleo@example.com"), ("backup_ask", "emil@example.com")}

"""Removing one's own log-in: who could carry on is named, asked or invited from the same page; other teams are left alone."""

import re
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts import leaving, own_removal, pool, tasks
from accounts.mails import removal_mail
from accounts.models import Account, BackupInvitation, BackupRequest, Job, ReachedAccount
from notifications.models import Message
from tests.support import native
from tests.support.factories import link, make_account, make_app, make_team, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import Membership, Team, User

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
    weak = carried(mine, log_in(emil), team=team, name="Lumen <b>Weak</b>")
    carried(mine, log_in(emil), log_in(cleo), team=team, name="Lumen Safe")
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
    sent = {"seen": seen[1], "typed": name, "backups": "on", "asks": "on"}
    own_address = client.post(url, sent | {"invite": "mara@example.com"})
    client.post(url, sent | {"invite": "Zoe@Example.com"})

    assert stale.status_code == 302
    assert nobody_yet == 0
    assert "Lumen EU (Facebook): Emil, whose log-in reaches it" in said
    assert "Lumen US (Facebook): Cleo, whose log-in there stopped" in said
    assert "Lumen Home (Facebook): nobody else known" in said
    assert "Petra" not in said
    assert "1 account keeps one person" in said
    assert "Lumen &lt;b&gt;Weak&lt;/b&gt; (Facebook) through Emil alone. Nobody else is known." in said
    assert "Lumen Safe through" in said
    assert "<b>Weak</b>" not in shown, "also not in the help beside the address"
    assert (
        f"{reverse('invite_backup')}?account={alone.pk}%2C{weak.pk}&amp;next={quote(url, safe='')}" in shown
    )
    assert own_address.status_code == 400
    invited = BackupInvitation.objects.filter(email="zoe@example.com").values_list("account", flat=True)
    assert set(invited) == {alone.pk, weak.pk}
    mine.refresh_from_db()
    assert mine.is_removed
    assert list(BackupRequest.objects.values_list("account", "token__consented_by")) == [
        (at_hand.pk, emil.pk)
    ]
    asked = Message.objects.filter(kind__in=["ask", "backup_ask"]).values_list("kind", "recipient")
    assert set(asked) == {("ask", "cleo@example.com"), ("backup_ask", "emil@example.com")}
    assert Message.objects.filter(recipient="zoe@example.com", kind="invite").count() == 1


def test_several_log_ins_go_in_one_go_by_a_worker_colleagues_are_asked_and_the_lead_gets_one_mail(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team = make_team("Lumen")
    mara, emil, cleo, lea = (
        make_user(f"{name.lower()}@example.com", name=name, team=team)
        for name in ("Mara", "Emil", "Cleo", "Lea")
    )
    Membership.objects.filter(user=lea).update(role=Membership.Role.TEAM_LEAD)
    mine, also, kept = log_in(mara), log_in(mara), log_in(mara)
    at_hand = carried(mine, team=team, name="Lumen EU")
    stopped_there = carried(also, log_in(cleo, state="dead"), team=team, name="Lumen US")
    both = carried(mine, also, team=team, name="Lumen Home")
    carried(kept, team=team, name="Lumen Kept")
    reaches(log_in(emil), at_hand)
    client = Client()
    client.force_login(mara)
    listed = client.get(reverse("log_ins")).text
    url = f"{reverse('remove_log_ins')}?log_in={mine.pk}&log_in={also.pk}"
    monkeypatch.setattr(leaving, "MOST", 1)  # accounts that a page looks at; the worker looks at all

    shown = client.get(url).text
    seen = re.search(r'name="seen" value="([^"]+)"', shown)
    assert seen
    form = {"typed": "Mara", "backups": "on", "asks": "on", "invite": "zoe@example.com"}
    stale = client.post(url, form | {"seen": "x.y"}, follow=True).text
    untouched = Job.objects.count()
    waiting = client.post(url, form | {"seen": seen[1]}, follow=True).text
    client.post(url, form | {"seen": seen[1]})
    begun = Job.objects.count()
    tasks.run_jobs()
    invitation = reverse("invited_many", args=[Job.objects.get(kind="invite").pk])
    lists, result = client.get(reverse("log_ins")).text, client.get(invitation).text
    Job.objects.filter(kind="invite").update(acted=0, failed=1)
    failed = client.get(reverse("log_ins")).text
    mail = removal_mail.build(Message.objects.get(kind="removed"))

    assert f'name="log_in" value="{mine.pk}"' in listed
    assert "3 accounts stop: nobody else is linked." in shown
    assert "Nothing was done" in stale
    assert untouched == 0
    assert "2 log-ins are being removed." in waiting
    assert begun == 1
    assert invitation in lists, "the marketer finds what came of the invitation"
    assert "1 account asked for, in one mail. <a" in lists
    assert "at-notice-warn" not in lists
    assert "0 accounts asked for, in one mail, 1 failed. <a" in failed
    assert "at-notice-warn" in failed
    assert "1 account asked for, in one mail" in result
    assert set(Token.objects.filter(reason="removed").values_list("pk", flat=True)) == {mine.pk, also.pk}
    assert list(BackupRequest.objects.values_list("account", flat=True)) == [at_hand.pk]
    told = Message.objects.exclude(kind="removed").values_list("kind", "recipient")
    assert set(told) == {("ask", cleo.email), ("backup_ask", emil.email), ("invite", "zoe@example.com")}
    assert list(BackupInvitation.objects.values_list("account", flat=True)) == [both.pk]
    assert Message.objects.get(kind="removed").recipient == lea.email
    assert mail.subject == "Mara removed 2 log-ins from AdToken"
    assert all(one.name in mail.text for one in (at_hand, stopped_there, both))
    assert "being removed" not in client.get(reverse("log_ins")).text


def test_where_a_worker_cannot_go_on_the_lead_hears_of_what_stopped_and_the_page_names_the_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    team = make_team("Lumen")
    mara, lea = (make_user(f"{name.lower()}@example.com", name=name, team=team) for name in ("Mara", "Lea"))
    Membership.objects.filter(user=lea).update(role=Membership.Role.TEAM_LEAD)
    mine, also = log_in(mara), log_in(mara)
    carried(mine, team=team, name="Lumen EU")
    carried(also, team=team, name="Lumen US")
    client = Client()
    client.force_login(mara)
    own_removal.start(user=mara, tokens=[mine, also], backups=False, asks=False, once="7", now=timezone.now())
    single = client.get(reverse("remove_log_in", args=[mine.pk]), follow=True).text
    end = own_removal._end

    def breaks(job: Job, token_id: int, now: Any) -> bool:
        return end(job, token_id, now) if token_id == mine.pk else bool(1 / 0)

    monkeypatch.setattr(own_removal, "_end", breaks)
    tasks.run_jobs()
    shown = client.get(reverse("log_ins")).text
    message = Message.objects.get()
    text = removal_mail.build(message).text

    assert "This log-in is being removed already." in single
    assert Job.objects.get().failed == 1
    assert (message.kind, message.recipient) == ("removed", lea.email)
    assert "Lumen EU" in text
    assert "Lumen US" not in text
    assert "1 log-in that you asked to remove is still here" in shown

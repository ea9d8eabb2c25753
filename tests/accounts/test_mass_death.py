"""A channel that says for twenty minutes that everybody's log-in has ended: few end, nobody is mailed of the others, all come back."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from tokens.deaths import Incident, TokenDeath

from accounts import api_keys, sweeps
from accounts.mails import incident_mail
from accounts.mails.alert_mail import build
from accounts.models import Account, ApiKey
from accounts.telling import notices
from notifications.models import Message
from portal.access import VIEW
from tests.faults.mass_death import MINUTE, SHAPES, link_people
from tests.portal.support import staff
from tests.support import native
from tests.support.sandbox import Sandbox
from tokens import lifecycle
from tokens.models import Token
from ui import progress
from users.models import Team

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE, AT_ONCE = 7, 4
NO_PERMISSION = {"error": {"code": 200, "message": "The ad account owner has not given it"}}


@pytest.fixture(autouse=True)
def world(channels_world: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    monkeypatch.setattr("tokens.lifecycle.incident_brake.AT_ONCE", AT_ONCE)
    settings.OPERATOR_EMAILS = ["ops@example.com"]
    settings.STAFF_SECOND_FACTOR = False  # its own tests are in tests/users
    native.set_up_apps(channels_world)
    return channels_world


def sweep(now: Any) -> None:
    """A minute of the worker: everything due is asked, incidents are tended, mails written."""
    while sweeps.check_due(now=now) == sweeps.BATCH:
        pass
    lifecycle.tend(now=now)
    incident_mail.tell(now)
    notices.tell(now)


def hold_all(sandbox: Sandbox, shape: str) -> Any:
    """The channel says it of everybody; returns when that was."""
    channel, faults = SHAPES[shape]
    link_people(sandbox, channel, PEOPLE)
    now = timezone.now()
    for path, status, body in faults:
        sandbox.add_fault(channel, path=path, status=status, body=body)
    Token.objects.update(due_at=now)
    sweep(now)
    return now


@pytest.mark.parametrize("shape", SHAPES)
def test_few_end_nobody_else_is_mailed_and_all_are_back_when_it_is_over(shape: str, world: Sandbox) -> None:
    now = hold_all(world, shape)
    sweep(now + 5 * MINUTE)
    sweep(now + 16 * MINUTE)
    dead = Token.objects.filter(state=Token.State.DEAD).count()
    told = set(Message.objects.exclude(recipient="ops@example.com").values_list("kind", flat=True))
    mails = Message.objects.filter(kind="died").count()
    world.clear_faults()

    for minute in (32, 33, 60):
        sweep(now + minute * MINUTE)

    assert dead == mails == AT_ONCE - 1
    assert told == {"died"}
    assert set(Token.objects.values_list("state", "reason")) == {("valid", "")}
    assert set(Account.objects.values_list("state", flat=True)) == {"connected"}
    assert Message.objects.filter(recipient="ops@example.com").count() == 2, (
        "that it began, and that it is over"
    )
    assert not Incident.objects.filter(ended_at=None)


def test_few_accounts_stop_where_a_channel_takes_all_of_them_and_all_are_back_when_it_is_over(
    world: Sandbox, client: Client
) -> None:
    link_people(world, "facebook", PEOPLE)
    now = timezone.now()
    world.add_fault("facebook", path="act_", status=403, body=NO_PERMISSION)
    Token.objects.update(due_at=now)
    sweep(now)
    staff(client, "tokens.decide_tokendeath")
    incident = Incident.objects.get()
    page = client.get(reverse("admin:tokens_incident_change", args=[incident.pk])).content.decode()
    url = reverse("admin:tokens_incident_decide", args=[incident.pk, "release"])
    question = client.get(url).content.decode()
    mail = build(Message.objects.get(recipient="ops@example.com"))
    sweep(now + 16 * MINUTE)
    meanwhile = Account.objects.filter(state="deactivated").count()
    world.clear_faults()

    for minute in (32, 33, 60):
        sweep(now + minute * MINUTE)

    assert meanwhile == Message.objects.filter(kind=notices.ACCESS).count() == AT_ONCE - 1
    assert set(Account.objects.values_list("state", flat=True)) == {"connected"}
    assert not Incident.objects.filter(ended_at=None)
    assert f"{PEOPLE - AT_ONCE + 1} log-ins are held" in page
    assert "Facebook says that many log-ins have lost ad accounts" in page
    assert "Believe what" in question
    assert mail.subject == "AdToken: Facebook says that many log-ins have lost ad accounts"
    assert "their ad accounts go on" in " ".join(mail.text.split())


def test_staff_who_check_and_jobs_that_are_refused_hear_that_the_loss_is_not_believed_yet(
    world: Sandbox, client: Client
) -> None:
    link_people(world, "facebook", PEOPLE)
    now = timezone.now()
    world.add_fault("facebook", path="act_", status=403, body=NO_PERMISSION)
    Token.objects.update(due_at=now)
    sweep(now)
    token = TokenDeath.objects.held()[0].token
    account = Account.objects.get(pool__token=token)
    staff(client, VIEW)
    Token.objects.update(last_checked_at=now - MINUTE / 12)
    url = reverse("admin:accounts_account_change", args=[account.pk])
    key = api_keys.issue(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    job = Client(headers={"authorization": f"Bearer {key}"})
    leases = f"/api/v1/accounts/facebook/{account.native_id}/lease"
    lease = job.post(leases, {}, content_type="application/json").json()

    page = client.get(progress.address(url, [token.pk], now - MINUTE / 6)).content.decode()
    said = {"status": 403, "body": NO_PERMISSION}
    report = job.post(f"/api/v1/leases/{lease['lease_id']}/report", said, content_type="application/json")

    assert "as of many others at once" in page
    assert (report.json()["action"], Account.objects.get(pk=account.pk).state) == ("retry_later", "connected")


def test_a_true_end_of_all_passes_after_the_second_round_one_mail_a_person(world: Sandbox) -> None:
    now = hold_all(world, "x, cancelled")

    # whoever could not be asked once, as by a connection that broke, is asked five minutes later
    for minute in (16, 32, 38, 54):
        sweep(now + minute * MINUTE)

    assert set(Token.objects.values_list("state", "reason")) == {("dead", "authorisation_cancelled")}
    assert Message.objects.filter(kind="died").count() == PEOPLE
    assert Message.objects.filter(kind="died").values("recipient").distinct().count() == PEOPLE


def test_the_operators_mail_says_what_is_held_and_leads_to_it(world: Sandbox) -> None:
    hold_all(world, "facebook, the inspection's own")

    mail = build(Message.objects.get(recipient="ops@example.com"))

    incident = Incident.objects.get()
    assert mail.subject == "AdToken: Facebook says of many log-ins at once that they have ended"
    assert "Held now" in mail.text
    assert f"/admin/tokens/incident/{incident.pk}/change/" in mail.text
    assert "they have not ended" in " ".join(mail.text.split())


def test_while_something_is_held_and_afterwards_pages_and_mails_say_how_it_stands(
    world: Sandbox, client: Client
) -> None:
    now = hold_all(world, "facebook, the inspection's own")
    staff(client, "tokens.decide_tokendeath")
    incident = Incident.objects.get().pk
    page = reverse("admin:tokens_incident_change", args=[incident])
    held = client.get(reverse("admin:index")).text
    world.clear_faults()

    client.post(reverse("admin:tokens_incident_decide", args=[incident, "discard"]))
    lifecycle.tend(now=now + MINUTE)
    settling = client.get(page).text, client.get(reverse("admin:index")).text
    for minute in (16, 32):
        sweep(now + minute * MINUTE)
    over = Message.objects.filter(recipient="ops@example.com", payload__over=True)
    mail = build(over.get())

    assert "That is held, and asked again" in held
    assert "Nothing is held now." in settling[0]
    assert "That is held" not in settling[1]
    assert mail.subject == "AdToken: What Facebook said of many log-ins at once is settled"
    text = " ".join(mail.text.split())
    assert f"Discarded by staff {PEOPLE - AT_ONCE + 1} log-ins" in text
    assert f"Taken back: works when asked again {AT_ONCE - 1} log-ins" in text
    assert "there is nothing to decide" in text
    assert "It is over." in client.get(page).text


def test_the_page_shows_what_is_held_and_asks_before_it_is_decided(world: Sandbox, client: Client) -> None:
    hold_all(world, "facebook, the inspection's own")
    staff(client, "tokens.decide_tokendeath")
    incident = Incident.objects.get()
    page = client.get(reverse("admin:tokens_incident_change", args=[incident.pk])).content.decode()
    url = reverse("admin:tokens_incident_decide", args=[incident.pk, "release"])
    question = client.get(url).content.decode()

    answer = client.post(url)
    lifecycle.tend(now=timezone.now())

    assert f"{PEOPLE - AT_ONCE + 1} log-ins are held" in page
    assert "Password changed or session ended" in page
    assert "End 4 log-ins that Facebook says are over?" in question
    assert answer.status_code == 302
    assert set(Token.objects.values_list("state", flat=True)) == {"dead"}


def test_only_who_may_decide_sees_incidents(world: Sandbox, client: Client) -> None:
    hold_all(world, "x, suspended")
    incident = Incident.objects.get()
    staff(client)

    answers = [
        client.get(reverse("admin:tokens_incident_changelist")).status_code,
        client.get(reverse("admin:tokens_incident_change", args=[incident.pk])).status_code,
        client.post(reverse("admin:tokens_incident_decide", args=[incident.pk, "discard"])).status_code,
    ]

    assert answers == [403, 403, 403]
    assert "many log-ins" not in client.get(reverse("admin:index")).content.decode()

"""On hold: a copied or restored database acts on nothing, whoever asks, until an operator says what it is."""

import io
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from django.core import mail
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from django.utils.translation import override
from pytest_django import Settings

from accounts import tasks
from accounts.api_keys.services import issue_key
from accounts.models import Account, ApiKey
from adtoken_project.models import Heartbeat
from adtoken_project.tasks import heartbeat
from broker.leases.callers import Caller
from broker.leases.services import lease, sign
from broker.reports.services import report
from infra.keys import fingerprint
from macros import tasks as macro_tasks
from macros.models import Macro
from notifications import outbox
from notifications.delivery import services as delivery
from notifications.models import Message
from tests.support import native
from tests.support.factories import link, make_account, make_token, make_user
from tests.support.processes import of_this_database
from tests.support.sandbox import Sandbox
from tokens.channels import http
from tokens.models import ChannelApp, Token
from ui import stored_phrases as kept
from users.installation import hold
from users.installation import services as installation
from users.models import Installation, Session, Team

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _look_for_yourself() -> Iterator[None]:
    """Every question is answered from the row."""
    hold.forget()
    yield
    hold.forget()


def look() -> hold.Hold | None:
    hold.forget()
    return hold.current()


def restored() -> None:
    """Make the database look like one that was restored: PostgreSQL's own number of it is another one."""
    look()
    Installation.objects.update(database="1/1")
    hold.forget()


def release(*options: str) -> str:
    out = io.StringIO()
    call_command("release", *options, stdout=out, stderr=io.StringIO())
    return out.getvalue()


def test_a_new_database_is_bound_to_its_first_settings_and_not_on_hold(settings: Settings) -> None:
    assert look() is None
    assert Installation.objects.get().keys == [fingerprint(settings.FERNET_KEYS[0])]


def test_a_restored_database_calls_nobody() -> None:
    restored()

    with pytest.raises(hold.OnHold, match="its database was restored or copied"):
        http.request("introspect", "GET", "http://127.0.0.1:1/")


def test_a_restored_database_mails_nobody(settings: Settings, transactional_db: None) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    outbox.enqueue(kind="test", recipient="ada@example.com", dedupe_key="1", now=timezone.now())
    restored()

    delivery.deliver()

    assert mail.outbox == []
    assert Message.objects.get().state == "queued"
    installation.release_hold()
    hold.forget()
    delivery.deliver()
    assert len(mail.outbox) == 1


def test_a_restored_database_gives_no_lease_and_no_signature(client: Client) -> None:
    account, token = make_account(), make_token()
    link(account, token)
    Account.objects.update(active_token=token, state="connected", usable_count=1)
    _, key = issue_key(name="job", scopes=["tokens:lease"], teams=[Team.default()])
    given = lease(caller=Caller(), channel="facebook", native_id=account.native_id, now=timezone.now())
    restored()

    headers = {"Authorization": f"Bearer {key}"}
    answer = client.post(
        f"/api/v1/accounts/facebook/{account.native_id}/lease", {}, "application/json", headers=headers
    )

    assert (answer.status_code, answer.json()["title"], answer["Retry-After"]) == (503, "On hold", "60")
    assert "manage.py release" in answer.json()["detail"]
    with pytest.raises(hold.OnHold):
        sign(
            caller=Caller(),
            lease_id=given.lease_id,
            method="GET",
            url="https://x.test",
            params={},
            now=timezone.now(),
        )
    with pytest.raises(hold.OnHold):
        report(caller=Caller(), lease_id=given.lease_id, status=401, body="", now=timezone.now())


def test_tasks_do_nothing_but_say_that_they_are_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    restored()
    monkeypatch.setattr("accounts.checks.services.channels_waiting", lambda _now: pytest.fail("a sweep ran"))

    tasks.check_due_tokens()
    heartbeat()

    assert Heartbeat.objects.filter(name="ticks").exists()


def test_health_pages_and_banner_say_so(client: Client) -> None:
    restored()

    ready = client.get("/readyz")
    assert (ready.status_code, "restored or copied" in ready.json()["installation"]) == (200, True)
    assert client.get("/healthz").status_code == 503
    assert "AdToken is on hold" in client.get("/accounts/login/").content.decode()
    client.force_login(make_user(is_staff=True, is_superuser=True))
    page = client.get("/admin/").content.decode()
    assert "This installation is on hold: its database was restored or copied." in page
    assert "manage.py release --same" in page


def test_the_log_says_it_in_english_whatever_the_installation_speaks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Alerts wait for these words, which docs/operations.md names."""
    with override("de"):
        restored()
        look()

    assert any(line.startswith("This installation is on hold: its database") for line in caplog.messages)


def test_pages_that_would_call_a_channel_and_pushes_are_put_off(client: Client) -> None:
    restored()
    client.force_login(make_user())

    for path in ("/link/facebook/", "/push/facebook/deauthorise/", "/link/facebook/callback/?code=1&state=2"):
        answer = client.post(path) if "callback" not in path else client.get(path)
        assert (answer.status_code, answer["Retry-After"]) == (503, "60"), path


@pytest.mark.parametrize(
    ("first", "then", "held"),
    [
        ("https://adtoken.example.com", "https://staging.example.com", True),
        ("https://adtoken.example.com", "https://adtoken.example.com:8443", True),
        ("http://adtoken.internal", "https://adtoken.internal:443", False),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8131", False),
        ("http://127.0.0.1:8000", "https://adtoken.example.com", True),
    ],
)
def test_a_database_belongs_to_its_host(settings: Settings, first: str, then: str, held: bool) -> None:
    settings.BASE_URL = first
    assert look() is None

    settings.BASE_URL = then

    assert (look() is not None) == held


def test_a_key_ring_may_change_key_by_key_but_not_as_a_whole(settings: Settings) -> None:
    old, new, other = (Fernet.generate_key().decode() for _ in range(3))
    for ring in ([old], [old, new], [new, old], [new], [new, other]):
        settings.FERNET_KEYS = ring
        assert look() is None

    settings.FERNET_KEYS = [Fernet.generate_key().decode()]

    assert (
        str(look())
        == "This installation is on hold: FERNET_KEYS has none of the keys that the database was written with."
    )


@pytest.mark.django_db(transaction=True)
def test_a_process_that_runs_already_comes_to_know() -> None:
    look_around = "print(hold.current() is not None, flush=True); time.sleep(0.02)"
    code = f"import time\nfrom users.installation import hold\nfor _ in range(5_000):\n    {look_around}"
    command = [sys.executable, "manage.py", "shell", "--no-imports", "-v0", "-c", code]
    with subprocess.Popen(command, env=of_this_database(), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("False")

        call_command("hold", "--because", "moving house.", stdout=io.StringIO())

        assert "True\n" in process.stdout
        process.kill()
    assert str(look()) == "This installation is on hold: moving house."


# --- release


@pytest.fixture
def restored_fleet(channels_world: Sandbox, transactional_db: None) -> Sandbox:
    """Two people's log-ins at Snapchat, whose refresh tokens rotate; Ben has cancelled since the backup. A message waits."""
    hold.trust(seconds=60)
    native.set_up_apps(channels_world)
    for name in ("ada", "ben"):
        client = Client()
        client.force_login(make_user(f"{name}@example.com"))
        native.link(client, "snapchat", name)
    channels_world.cancel_authorisation("snapchat", "ben")
    outbox.enqueue(kind="test", recipient="ada@example.com", dedupe_key="1", now=timezone.now())
    channels_world.clear_calls()
    restored()
    return channels_world


def states() -> dict[str, tuple[str, bool]]:
    tokens = Token.objects.select_related("consented_by")
    return {
        token.consented_by.email[:3]: (token.state, token.credentials is not None)
        for token in tokens
        if token.consented_by
    }


def test_the_same_installation_asks_about_all_log_ins_before_it_renews_one(restored_fleet: Sandbox) -> None:
    later = timezone.now() + timedelta(
        minutes=1
    )  # the round itself finds something, of which only this database knows
    Message.objects.create(kind="test", recipient="new@example.com", dedupe_key="2", created_at=later)

    said = release("--same", "--cancel-waiting")

    assert look() is None
    assert Message.objects.get(recipient="new@example.com").state == "queued"
    assert states() == {"ada": ("valid", True), "ben": ("valid", True)}  # refused, and no death
    assert [call["path"] for call in restored_fleet.calls() if "token" in call["path"]] == []
    assert "1 that work, 1 refused" in said
    message = Message.objects.get(recipient="ada@example.com", kind="test")
    assert (message.state, "on hold" in kept.said(message.error)) == ("cancelled", True)
    assert f"{message.pk}  " in said
    assert "to ada@example.com" in said


def test_it_stays_on_hold_while_a_channel_does_not_answer_unless_told_otherwise(
    restored_fleet: Sandbox,
) -> None:
    restored_fleet.add_fault("snapchat", status=503, body="down")

    with pytest.raises(CommandError, match=r"Still on hold: no answer from \w+ \(\d+\) about the log-ins"):
        release("--same", "--cancel-waiting")

    assert look() is not None
    assert Message.objects.get(kind="test").state == "queued"
    release("--same", "--without-answers")
    assert look() is None
    assert Message.objects.get(kind="test").state == "queued"
    assert states() == {"ada": ("valid", True), "ben": ("valid", True)}


def test_what_waited_in_the_very_same_database_leaves_after_the_hold_and_its_48_hours_begin_anew() -> None:
    """Nobody else can have sent it."""
    before = timezone.now() - timedelta(days=3)
    for kind, state in (
        ("macro", "queued"),
        ("died", "sending"),
        ("password_reset", "queued"),
    ):
        Message.objects.create(
            kind=kind, state=state, recipient="a@example.com", dedupe_key=kind, queued_at=before
        )
    call_command("hold", stdout=io.StringIO())
    hold.forget()

    said = release("--same")

    now = {row.kind: row for row in Message.objects.all()}
    assert [now[kind].state for kind in sorted(now)] == ["sending", "queued", "queued"]
    assert min(now["macro"].queued_at, now["died"].queued_at) > before + timedelta(days=2)
    assert "leave now, as far as they still hold: 3" in said
    assert look() is None


def test_a_copy_loses_what_acts_on_the_world_and_mails_nobody(
    restored_fleet: Sandbox, settings: Settings
) -> None:
    issue_key(name="job", scopes=["tokens:lease"], teams=[Team.default()])
    before = Installation.objects.get().number

    said = release("--copy", "--no-input")

    assert look() is None
    assert states() == {"ada": ("dead", False), "ben": ("dead", False)}
    assert not ChannelApp.objects.filter(secrets__isnull=False).exists()
    assert not Account.objects.exclude(state="deactivated").exists()
    assert not Message.objects.exclude(state="cancelled").exists()
    assert not Macro.objects.filter(enabled=True).exists()
    assert not ApiKey.objects.filter(revoked_at=None).exists()
    assert not Session.objects.exists()
    assert Installation.objects.get().number != before
    assert restored_fleet.calls() == []
    assert "2 log-ins wiped, 1 API keys revoked" in said
    macro_tasks.tell_at_once()
    tasks.check_channel("snapchat")
    assert not Message.objects.exclude(state="cancelled").exists()
    assert restored_fleet.calls() == []


def test_what_is_not_on_hold_is_neither_released_nor_wiped() -> None:
    make_token()

    with pytest.raises(CommandError, match="is not on hold"):
        release("--copy", "--no-input")

    assert Token.objects.filter(credentials__isnull=False).exists()

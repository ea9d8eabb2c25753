"""A key of FERNET_KEYS that is lost for good: the steps of docs/rotate-the-key.md, in their order, lead back to AdToken as it was."""

import io
import re

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.conf import settings as project
from django.core.management import call_command
from django.test import Client
from pytest_django import Settings

from accounts import tasks
from accounts.models import Account
from infra.keys import fingerprint, seal
from notifications.models import Message
from tests.portal.test_asks import posted
from tests.support import native
from tests.support.factories import PASSWORD, make_user
from tests.support.sandbox import Sandbox
from tests.users.steps import enrol, log_in
from tokens.models import ChannelApp, Token
from tokens.vault import queries as key_usage
from users.installation import hold
from users.models import User

pytestmark = pytest.mark.django_db(transaction=True)
STEPS = (
    "a new `FERNET_KEYS`", "check --database default", "FERNET_KEYS_LOST", "release --same", "createsuperuser",
    "Reset second factor", "enter the secret", "choose all log-ins",
)  # fmt: skip


def forget() -> None:
    hold.forget()
    key_usage.forget()


@pytest.fixture
def boss(channels_world: Sandbox, settings: Settings) -> User:
    """A superuser with a second factor, and Ada's log-in at Snapchat, under a key that is lost then: the ring is new. It is on hold."""
    forget()
    settings.STAFF_SECOND_FACTOR = True
    native.set_up_apps(channels_world)
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    seed = seal("SEED")
    Authenticator.objects.create(user=boss, type="totp", data={"secret": seed})
    native.linked("snapchat", "ada")
    settings.FERNET_KEYS = [Fernet.generate_key().decode()]
    forget()
    assert hold.current() is not None
    return boss


def test_the_steps_of_the_page_lead_back(
    boss: User, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = (project.BASE_DIR / "docs/rotate-the-key.md").read_text(encoding="utf-8")
    steps = page.partition("## A key that is lost for good\n")[2].partition("\n## ")[0].partition("\n1. ")[2]
    said, named, new, app = io.StringIO(), io.StringIO(), Client(), ChannelApp.objects.get(channel="snapchat")

    checked = ("--database", "default", "--tag", "database")  # other checks refuse the sandbox's addresses
    call_command("check", *checked, stdout=io.StringIO(), stderr=named)
    settings.FERNET_KEYS_LOST = re.findall(r"Key (\w+) is missing", named.getvalue())
    forget()
    call_command("release", "--same", stdout=said, stderr=io.StringIO())
    forget()
    ready = new.get("/readyz")
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    call_command("createsuperuser", "--no-input", "--email", "new@example.com", stdout=io.StringIO())
    log_in(new, "new@example.com")
    enrol(new)
    new.post(f"/admin/users/user/{boss.pk}/reset-second-factor/")
    secret = Sandbox.APPS["snapchat"][1]
    form = {"label": app.label, "redirect_base": "", "is_default": "on", "state": "live", "wanted_scopes": ""}
    new.post(f"/admin/tokens/channelapp/{app.pk}/change/", {**form, "new_secret": secret})
    new.post(f"/admin/tokens/token/ask/?ids={Token.objects.get().pk}", posted())
    tasks.run_asks()
    ada = Client()
    ada.force_login(User.objects.get(email="ada@example.com"))
    native.link(ada, "snapchat", "ada")

    assert sorted(STEPS, key=steps.index) == list(STEPS)
    assert "1 that do not open" in said.getvalue()
    assert (ready.status_code, ready.json()["installation"]) == (200, "ok")
    assert not Authenticator.objects.filter(user=boss).exists()
    assert ChannelApp.objects.get(pk=app.pk).keys().secrets == (secret,)
    assert Message.objects.get(kind="ask").recipient == "ada@example.com"
    assert Token.objects.get().credentials_key == fingerprint(settings.FERNET_KEYS[0])
    assert Account.objects.get().state == "connected"
    settings.FERNET_KEYS_LOST = []
    forget()
    left = key_usage.key_problems()  # of the channels that nobody entered a secret for
    assert not any("log-in" in one or "second factor" in one for one in left), left

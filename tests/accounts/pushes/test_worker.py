"""A hint and a real worker: from the stand-in's push to the written answer, with nothing done by hand."""

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from urllib.parse import urlsplit

import pytest
import redis
from django.conf import settings
from django.db import connection
from django.utils import timezone
from pytest_django.live_server_helper import LiveServer

from accounts.models import Account, AccountToken
from adtoken_project.celery import app as celery
from adtoken_project.workers import lanes, signs_of_life
from tests.support import native
from tests.support.sandbox import ROOT, Sandbox
from tokens.channel_apps import models
from tokens.models import ChannelApp, DeletionRequest, Token

pytestmark = pytest.mark.django_db(transaction=True)

WITHIN = 60.0  # seconds, to bound a failure: nothing but the push asks, a check would come within hours


@pytest.fixture
def worker(world: Sandbox) -> Iterator[None]:
    """A Celery worker in a process of its own, on this test's database and broker."""
    database = (
        urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{connection.settings_dict['NAME']}").geturl()
    )
    here = {
        "DATABASE_URL": database,
        "FERNET_KEYS": ",".join(settings.FERNET_KEYS),
        "BASE_URL": settings.BASE_URL,
        "DEMO": "1",  # else the stand-in would be refused
        "FACEBOOK_URL": world.facebook,
    }
    process = subprocess.Popen(
        lanes.command("pushes"),
        cwd=ROOT, env={**os.environ, **here}, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        said = []
        for line in process.stderr:
            said.append(line)
            if " ready." in line:
                break
        else:
            pytest.fail("the worker did not start: " + "".join(said))
        yield
    finally:
        process.send_signal(signal.SIGTERM)
        process.stderr.read()
        process.wait(20)
        process.stderr.close()


def comes(done: Callable[[], bool]) -> bool:
    """Wait until it is so; False where it never is."""
    began = time.monotonic()
    while not (so := done()) and time.monotonic() - began < WITHIN:
        time.sleep(0.05)
    return so


def test_a_worker_does_what_waited_and_what_facebook_tells_and_says_that_it_lives(
    world: Sandbox, live_server: LiveServer, valkey: redis.Redis, request: pytest.FixtureRequest
) -> None:
    native.linked("facebook", "ada", "ben")
    app = ChannelApp.objects.get(channel="facebook")
    ada, ben = (Token.objects.get(native_user_name__startswith=name) for name in ("Ada", "Ben"))
    word = app.push_words(models.VERIFY_TOKEN)[0]
    world.put_app("facebook", settings={"deletion_url": f"{live_server.url}/push/facebook/delete/"})
    world.put_webhook("facebook", f"{live_server.url}/push/facebook/webhook/", verify_token=word)
    Token.objects.filter(pk=ben.pk).update(due_at=timezone.now(), last_checked_at=None)
    celery.send_task("accounts.tasks.check_tokens", (ben.pk,))

    request.getfixturevalue("worker")
    waited = comes(lambda: Token.objects.get(pk=ben.pk).last_check_result == "ok")
    comes(lambda: bool(signs_of_life.living(now=timezone.now())["pushes"]))
    living = signs_of_life.living(now=timezone.now())
    world.set_consent("ada", scopes=["ads_read", "business_management"])
    hint = comes(lambda: AccountToken.objects.get(token=ada).can_publish == "no")
    active = Account.objects.get().active_token_id
    world.request_deletion("ada")
    deletion = comes(lambda: DeletionRequest.objects.get().state == "done")

    assert (waited, hint, deletion) == (True, True, True)
    assert len(living["pushes"]) == 1
    assert [part for part, names in living.items() if names] == ["pushes"]
    assert active == ben.pk
    assert not Token.objects.filter(pk=ada.pk).exists()

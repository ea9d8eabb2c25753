"""What we sign, verified by the library of Standard Webhooks for Node."""

import json
import os
import subprocess

import pytest

from infra import database_clock
from tests.macros.test_webhooks import endpoint_to, happen, receiver, send  # noqa: F401  # a fixture
from tests.support import node
from tests.support.receiver import Receiver

pytestmark = [pytest.mark.django_db, pytest.mark.skipif(node.missing() != "", reason=node.missing())]


def test_its_verifier_takes_what_we_send_and_nothing_that_was_changed(receiver: Receiver) -> None:  # noqa: F811
    endpoint, now = endpoint_to(receiver.url), database_clock.now()
    (before,) = endpoint.signing_secrets(now)
    endpoint.secret_number, endpoint.secret_changed_at = 2, now
    endpoint.save()
    for kind in ("shifted", "deactivated"):
        happen(kind, name="Lumen · Zürich “<b>”")
    assert send(endpoint) == 2

    got = [{"headers": headers, "body": body.decode()} for headers, body in receiver.got]
    world = json.dumps({"secrets": [before, *endpoint.signing_secrets(now)], "got": got})
    env = {"PATH": os.environ["PATH"], "ADTOKEN_WEBHOOKS": world}
    run = subprocess.run(
        ["node", "--test", "webhooks.test.mjs"],
        cwd=node.FOLDER,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "# pass 1" in run.stdout

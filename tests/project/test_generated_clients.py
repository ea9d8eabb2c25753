"""The client that a generator, openapi-python-client, makes of our description works against the running server."""

import importlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone

from accounts.models import Account
from adtoken_project.api.application import api
from tests.portal.support import linked, token_of
from tests.support import acting
from tests.support.factories import make_user
from tests.support.jobs import issued_key

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
WITHIN = 60  # seconds


@pytest.fixture
def description(tmp_path: Path) -> Path:
    """What /api/v1/openapi.json serves, as a file."""
    path = tmp_path / "openapi.json"
    path.write_text(json.dumps(api.get_openapi_schema(), cls=DjangoJSONEncoder))
    return path


@pytest.fixture
def key() -> Iterator[str]:
    with issued_key() as text:
        yield text


@pytest.fixture
def accounts() -> tuple[Account, Account]:
    """A connected account of Ada's, and one that staff paused."""
    connected, paused = linked(token_of("Ada Okafor")), linked(token_of("Ben Lindqvist"))
    acting.pause(account=paused, actor=make_user(), note="Christmas", now=timezone.now())
    return connected, paused


@pytest.fixture
def generated(description: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The package that openapi-python-client makes. Its warnings fail: they are what it could not make sense of."""
    config = tmp_path / "config.yml"
    config.write_text("post_hooks: []\n")
    command = [
        sys.executable, "-m", "openapi_python_client", "generate", f"--path={description}", f"--config={config}",
        f"--output-path={tmp_path / 'adtoken_client'}", "--meta=none", "--fail-on-warning",
    ]  # fmt: skip
    made = subprocess.run(command, capture_output=True, text=True, timeout=WITHIN, check=False)
    assert made.returncode == 0, made.stdout + made.stderr
    monkeypatch.syspath_prepend(str(tmp_path))
    yield importlib.import_module("adtoken_client")
    for name in [name for name in sys.modules if name.partition(".")[0] == "adtoken_client"]:
        del sys.modules[name]


def test_a_generated_python_client_lists_leases_reports_and_reads_errors(
    generated: Any,
    live_server: Any,
    key: str,
    accounts: tuple[Account, Account],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    calls = {
        name: importlib.import_module(f"adtoken_client.api.broker.{name}")
        for name in ("list_accounts", "get_account", "lease_token", "lease_tokens", "report_answer")
    }
    models = importlib.import_module("adtoken_client.models")
    connected, paused = (("facebook", account.native_id) for account in accounts)

    with generated.AuthenticatedClient(base_url=live_server.url, token=key) as client:
        listed = calls["list_accounts"].sync(client=client, state=models.AccountState.CONNECTED)
        one = calls["get_account"].sync(*connected, client=client)
        lease = calls["lease_token"].sync(*connected, client=client, body=models.LeaseIn())
        told = calls["report_answer"].sync(
            lease.lease_id, client=client, body=models.ReportIn(status=200, body={"id": "1"})
        )
        held = calls["lease_token"].sync(*paused, client=client, body=models.LeaseIn(min_valid_for=60))
        facebook = models.ChannelKey.FACEBOOK
        names = [models.AccountName(facebook, account.native_id) for account in accounts]
        batch = calls["lease_tokens"].sync(client=client, body=models.LeasesIn(accounts=names))
        missing = calls["get_account"].sync("facebook", "1", client=client)
    with generated.AuthenticatedClient(base_url=live_server.url, token="wrong") as stranger:
        refused = calls["list_accounts"].sync(client=stranger)

    assert [account.native_id for account in listed.accounts] == [accounts[0].native_id]
    assert one.pool[0].person == "Ada Okafor"
    assert (lease.channel, lease.signs) == (models.ChannelKey.FACEBOOK, False)
    assert lease.send.headers.to_dict() or lease.send.query.to_dict()
    assert (told.verdict, told.action) == (models.Verdict.OK, models.ReportOutAction.NONE)
    assert [one.lease.native_id if one.lease else one.problem.reason for one in batch.leases] == [
        accounts[0].native_id,
        models.Reason.PAUSED,
    ]
    assert isinstance(held, models.Problem)
    assert (held.status, held.reason) == (409, models.Reason.PAUSED)
    assert [problem.status for problem in (missing, refused)] == [404, 401]

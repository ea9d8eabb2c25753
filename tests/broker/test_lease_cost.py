"""What leases and reports cost in SQL: one read; a lease one row of the record beside it."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

import broker
from accounts.models import Account
from tests.macros.support import lasting
from tests.support.factories import NOW
from tokens.channels import brake
from users.installation import hold

pytestmark = pytest.mark.django_db
INTERNAL = broker.Caller()


@pytest.fixture(autouse=True)
def looked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether this installation is on hold is read once a second, also here where the machine is slow."""
    monkeypatch.setattr(hold, "TRUSTED_FOR", 300.0)


def lease(account: Account) -> broker.Lease:
    return broker.lease(caller=INTERNAL, channel=account.channel, native_id=account.native_id, now=NOW)


def test_a_report_of_success_is_one_read() -> None:
    given = lease(lasting())

    def report() -> str:
        return broker.report(
            caller=INTERNAL, lease_id=given.lease_id, status=200, body={"id": "1"}, now=NOW
        ).action

    report()  # brings what staff say about answers into this process

    with CaptureQueriesContext(connection) as captured:
        assert report() == "none"

    assert [query["sql"].split()[0] for query in captured] == ["select"]


def test_a_report_about_a_channel_that_is_not_asked_now_is_one_read() -> None:
    account = lasting()
    given = lease(account)
    app = account.active_token.app if account.active_token else None
    assert app is not None
    brake.pause(app.call_name, 60)
    trouble = {"error": {"code": 190, "type": "OAuthException", "message": "Error validating access token"}}

    def report() -> str:
        return broker.report(
            caller=INTERNAL, lease_id=given.lease_id, status=400, body=trouble, now=NOW
        ).action

    report()

    with CaptureQueriesContext(connection) as captured:
        assert report() == "retry_later"

    assert [query["sql"].split()[0] for query in captured] == ["select"]

"""scim2-tester against the running server: all that it asks of a server of users, and what it does not get."""

import uuid
from typing import Any

import pytest
from httpx2 import Client
from scim2_client.engines.httpx2 import SyncSCIMClient
from scim2_tester import Status, check_server, filling

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey
from tests.support import processes
from tests.support.factories import make_team, make_user
from tests.support.sandbox import Sandbox

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

EXCEPTIONS: dict[tuple[str | None, Status], str] = {
    # A person is in or out; Entra and Okta never take `active` away, and other servers refuse it, too.
    ("check_remove_attribute", Status.ERROR): "Failed to remove attribute 'active': Say active true or false",
    # One search over all kinds of resources, where there is one kind: 501, as the RFC allows.
    (
        "search_with_attributes",
        Status.SKIPPED,
    ): "POST /.search: searching several resource types at once is not supported",
}


@pytest.fixture
def _addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tester logs people in by random letters; here `userName` is an e-mail address."""
    chosen = filling.get_random_example_value

    def choose(path: Any) -> Any:
        return f"{uuid.uuid4()}@example.com" if str(path).endswith("userName") else chosen(path)

    monkeypatch.setattr(filling, "get_random_example_value", choose)


@pytest.mark.usefixtures("_addresses")
def test_scim2_tester_is_content(channels_world: Sandbox) -> None:
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    scopes: list[str] = [ApiKey.Scope.PROVISION]
    _, secret = api_keys.issue_key(name="Tester", created_by=boss, scopes=scopes, teams=[make_team()])

    with processes.web(channels_world, workers=1, threads=2) as address:
        headers = {"Authorization": f"Bearer {secret}"}
        with Client(base_url=f"{address}/api/scim/v2", headers=headers, timeout=60) as client:
            found = check_server(SyncSCIMClient(client))

    odd = [one for one in found if one.status not in (Status.SUCCESS, Status.COMPLIANT)]
    assert {(one.title, one.status) for one in odd} == EXCEPTIONS.keys()
    assert all(str(one.reason).startswith(EXCEPTIONS[one.title, one.status]) for one in odd), odd
    assert len(found) > 30

"""No secret on any page of the portal: each is rendered with a marker token behind it."""

from collections.abc import Iterator

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey
from broker.leases import callers
from tests.portal.support import linked, pool_url, staff, token_of
from tests.portal.test_export import sheet_of
from tests.support.factories import MARKER, make_team
from tokens.models import ChannelApp
from users.models import Team, User

pytestmark = pytest.mark.django_db

APP_SECRET = "SBXTOKEN-app-secret"


def pages(account: Account, app: ChannelApp, key: ApiKey) -> Iterator[str]:
    """Where evidence, what is searched for, and keys of apps and callers stand. Every page is opened by tests/test_whole.py."""
    yield from (f"/admin/accounts/account/?q={MARKER}", f"/admin/search/?s={MARKER}")
    yield from (pool_url(account), "/admin/tokens/token/")
    yield from (f"/admin/tokens/channelapp/{app.pk}/{page}/" for page in ("change", "history"))
    yield from ("/admin/accounts/apikey/", f"/admin/accounts/apikey/{key.pk}/revoke/")
    yield f"/admin/accounts/apikey/handed-out/?account={account.pk}"


def test_no_page_about_secrets_holds_one(client: Client, boss: User) -> None:
    token = token_of(
        "Ada", evidence={"body": {"access_token": f"{MARKER}-x", "text": f"access_token={MARKER}-y"}}
    )
    account = linked(token, token_of("Ben", state="dead", evidence={"body": {"access_token": f"{MARKER}-z"}}))
    app = ChannelApp.objects.get()
    app.set_secrets([APP_SECRET])
    app.save()
    key, secret = api_keys.issue_key(name="job", scopes=["accounts:read"], teams=[Team.default()])

    for address in pages(account, app, key):
        page = client.get(address)
        text = page.content.decode().replace(f"q={MARKER}", "").replace(f'value="{MARKER}"', "")
        text = text.replace(f"“{MARKER}”", "")  # the search says what was searched for
        assert page.status_code == 200, address
        assert MARKER not in text, address
        assert secret not in text, address
        assert key.sha256 not in text, address


def test_the_export_holds_no_secret(client: Client, boss: User) -> None:
    account = linked(token_of("Ada"))

    answer = client.post(
        "/admin/accounts/account/", {"action": "export", "index": "0", "_selected_action": [account.pk]}
    )

    text = sheet_of(answer)
    assert account.native_id in text
    assert MARKER not in text


# --- API keys ---------------------------------------------------------------------------------------------------------


def make_key(client: Client, **changes: object) -> str:
    data = {"name": "Publishing EU", "scopes": ["accounts:read"], "teams": [Team.default().pk], **changes}
    return client.post("/admin/accounts/apikey/add/", data).content.decode()


def test_a_new_key_is_shown_once_and_works(client: Client, boss: User) -> None:
    page = make_key(client)

    key = ApiKey.objects.get()
    secret = page.split('at-pickable">')[1].split("<")[0]
    assert secret.startswith(key.prefix)
    assert callers.authenticate(secret, now=key.created_at) is not None
    assert secret not in client.get("/admin/accounts/apikey/").content.decode()
    assert secret not in str(list(LogEntry.objects.values()))
    assert key.created_by is not None


def test_a_key_without_a_team_is_not_made(client: Client, boss: User) -> None:
    page = make_key(client, teams=[])

    assert "1 field needs a change" in page
    assert not ApiKey.objects.exists()


def test_staff_make_keys_only_for_their_own_teams(client: Client) -> None:
    staff(client, "accounts.add_apikey", "accounts.view_apikey", team=make_team())

    make_key(client)

    assert not ApiKey.objects.exists()


@pytest.mark.parametrize("permission", ["accounts.view_apikey", "accounts.change_apikey"])
def test_making_a_key_needs_its_own_permission(client: Client, permission: str) -> None:
    staff(client, permission)

    found = [
        client.get("/admin/accounts/apikey/add/").status_code,
        client.post("/admin/accounts/apikey/add/").status_code,
    ]

    assert found == [403, 403]


@pytest.fixture
def key() -> ApiKey:
    return api_keys.issue_key(name="job", scopes=["accounts:read"], teams=[Team.default()])[0]


def test_revoking_asks_first_and_leaves_one_entry(client: Client, boss: User, key: ApiKey) -> None:
    url = f"/admin/accounts/apikey/{key.pk}/revoke/"

    page = client.get(url).content.decode()
    still = ApiKey.objects.get().revoked_at
    client.post(url, {"note": "left the company"})
    client.post(url, {"note": "again"})

    assert "Revoke the key job?" in page
    assert still is None
    assert ApiKey.objects.get().revoked_at is not None
    assert "left the company" in LogEntry.objects.get().change_message


def test_revoking_is_refused_without_permission_and_for_keys_of_other_teams(
    client: Client, key: ApiKey
) -> None:
    url = f"/admin/accounts/apikey/{key.pk}/revoke/"
    staff(client, "accounts.view_apikey")
    without = client.post(url, {"note": ""}).status_code
    staff(client, "accounts.view_apikey", "accounts.revoke_apikey", team=make_team())

    foreign = client.post(url, {"note": ""}).status_code

    assert (without, foreign) == (403, 404)
    assert ApiKey.objects.get().revoked_at is None

"""Second factors of before AdToken named keys: an upgrade names them, and until it has, they are opened, not guessed at."""

import io
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django import Settings

from tests.support.factories import make_user
from tokens import key_usage
from users.factor_keys import FactorRows
from users.key_ring import fingerprint, ring

pytestmark = pytest.mark.django_db


@pytest.fixture
def rows_of_before() -> None:
    """An authenticator app, recovery codes of both kinds and a security key, as the version before today stored them: bound to nobody."""

    def sealed(text: str) -> str:
        return ring().encrypt(text.encode()).decode()

    data: dict[str, dict[str, Any]] = {
        "totp": {"secret": sealed("SEED")},
        "recovery_codes": {"migrated_codes": [sealed("11111111"), sealed("22222222")], "used_mask": 1},
        "webauthn": {"name": "Key", "credential": {"id": "a"}},
    }
    people = make_user("ada@example.com"), make_user("ben@example.com")
    rows = [Authenticator(user=people[0], type=kind, data=content) for kind, content in data.items()]
    rows.append(
        Authenticator(user=people[1], type="recovery_codes", data={"seed": sealed("S"), "used_mask": 0})
    )
    Authenticator.objects.bulk_create(rows)  # sends no signal, so nothing is added


def test_second_factors_that_nobody_named_are_opened_before_a_process_calls_itself_unready(
    client: Client, rows_of_before: None, settings: Settings
) -> None:
    ready = client.get("/readyz")
    settings.FERNET_KEYS = [Fernet.generate_key().decode()]
    key_usage.forget()
    unready = client.get("/readyz")

    assert ready.status_code == 200  # an old web process beside the new schema enrolled them
    assert unready.status_code == 503
    assert "No key in FERNET_KEYS opens rows of second factors" in unready.json()["key_ring"]


def test_second_factors_that_do_not_open_are_missed_whatever_name_they_bear(settings: Settings) -> None:
    key = settings.FERNET_KEYS[0]
    lost = Fernet(Fernet.generate_key()).encrypt(b"x").decode()
    row = Authenticator(user=make_user(), type="totp", data={"secret": lost, "key": fingerprint(key)})
    Authenticator.objects.bulk_create([row])

    assert key_usage.problems() == [
        f"Rows of second factors name key {fingerprint(key)}, which is in FERNET_KEYS, and do not open."
    ]


def test_check_does_not_call_rows_without_their_keys_name_done(rows_of_before: None) -> None:
    said = io.StringIO()

    with pytest.raises(CommandError, match="3 rows are not under the newest key and its name"):
        call_command("rotate_token_keys", "--check", stdout=said, stderr=said)

    assert "second factors: 3 rows carry another name than that of their key, or none" in said.getvalue()
    assert FactorRows().rotate().moved == 3  # the security key holds nothing sealed
    call_command("rotate_token_keys", "--check", stdout=said)

"""Credentials of the gate: what they say, and what is none."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import signing
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey
from broker.gate.credentials import SALT, NoCredential, ends_at, make_credential, read_credential

pytestmark = pytest.mark.django_db


def make(**more: Any) -> str:
    now = timezone.now()
    facts: dict[str, Any] = {
        "key_id": ApiKey.objects.get_or_create(pk=7, sha256="a" * 64)[0].pk,
        "account_id": 12,
        "purpose": "read",
        "expires_at": ends_at(now, 1),
        **more,
    }
    return make_credential(**facts)


def test_a_credential_says_whose_it_is_and_needs_no_encoding_in_an_address() -> None:
    text = make()

    found = read_credential(text, now=timezone.now())

    assert (found.key_id, found.account_id, found.purpose) == (7, 12, "read")
    assert text.isascii()
    assert text.replace("-", "").replace("_", "").replace(".", "").isalnum()
    assert not api_keys.is_well_formed(text)


def test_a_credential_is_over_with_its_last_second() -> None:
    now = timezone.now()
    text = make(expires_at=now + timedelta(seconds=5))

    assert read_credential(text, now=now + timedelta(seconds=3))
    with pytest.raises(NoCredential, match="credential_over"):
        read_credential(text, now=now + timedelta(seconds=7))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text.removeprefix("adtp_"),
        lambda text: "adt_" + text.removeprefix("adtp_"),
        lambda text: (
            "adtp_" + signing.Signer(salt=SALT + "x", sep=".").sign_object([7, 12, "read", 2**33, "a" * 16])
        ),
        lambda text: (
            "adtp_" + signing.Signer(salt=SALT, sep=".").sign_object([7, 12, "own", 2**33, "a" * 16])
        ),
        lambda text: "adtp_" + signing.Signer(salt=SALT, sep=".").sign_object([7]),
        lambda text: "adtp_" + signing.Signer(salt=SALT, sep=".").sign_object([7, 12, "read", 2**33, ""]),
        lambda text: "",
    ],
)
def test_what_we_did_not_sign_is_none(spoil: Callable[[str], str]) -> None:
    with pytest.raises(NoCredential, match="no_credential"):
        read_credential(spoil(make()), now=timezone.now())

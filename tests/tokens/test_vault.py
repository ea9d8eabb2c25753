"""Sealed credentials: nothing is decrypted on load, nothing plain gets in, nothing shows."""

import pytest
from cryptography.fernet import Fernet
from django.core import serializers
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import connection
from django.db.models import F

from tests.support.factories import MARKER, make_app, make_token
from tokens.models import Token
from tokens.vault import services as vault

SECRET = "s" * 50


@pytest.mark.parametrize(
    ("keys", "complaint"),
    [
        ([], "Set FERNET_KEYS"),
        (["not-a-key"], "Key 1 in FERNET_KEYS is not a Fernet key"),
        ([Fernet.generate_key().decode(), "short"], "Key 2"),
        (["A" * 43 + "=", "A" * 43 + "="], "the same key twice"),
    ],
)
def test_an_unsound_key_ring_is_refused_with_what_to_do(keys: list[str], complaint: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=complaint):
        vault.check_keys(keys, SECRET)


def test_the_secret_key_is_no_key_of_the_ring() -> None:
    key = Fernet.generate_key().decode()

    with pytest.raises(ImproperlyConfigured, match="equals SECRET_KEY"):
        vault.check_keys([key], key)


def test_what_was_sealed_comes_back_for_its_owner_only() -> None:
    sealed = vault.seal("token:a", {"access_token": MARKER})

    assert vault.unseal("token:a", sealed) == {"access_token": MARKER}
    with pytest.raises(vault.VaultError, match="sealed for another row"):
        vault.unseal("token:b", sealed)


def test_an_older_key_of_the_ring_still_opens(settings: object) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.FERNET_KEYS = [old]  # type: ignore[attr-defined]  # pytest-django's wrapper
    sealed = vault.seal("token:a", {"a": 1})

    settings.FERNET_KEYS = [new, old]  # type: ignore[attr-defined]
    assert vault.unseal("token:a", sealed) == {"a": 1}
    settings.FERNET_KEYS = [new]  # type: ignore[attr-defined]
    with pytest.raises(vault.VaultError, match="Is a key missing"):
        vault.unseal("token:a", sealed)


def test_a_sealed_value_shows_nothing() -> None:
    sealed = vault.seal("token:a", {"access_token": MARKER})

    assert repr(sealed) == str(sealed) == f"{sealed}" == "<sealed>"


@pytest.mark.django_db
class TestField:
    def test_a_row_gives_back_ciphertext_and_opens_on_demand(self) -> None:
        token = Token.objects.get(pk=make_token().pk)

        assert isinstance(token.credentials, vault.Sealed)
        assert MARKER.encode() not in token.credentials.ciphertext
        assert token.unseal().access_token.startswith(MARKER)

    def test_plain_text_is_refused(self) -> None:
        token = make_token()
        token.credentials = "plain"  # type: ignore[assignment]  # the mistake under test

        with pytest.raises(TypeError, match=r"vault\.seal"):
            token.save()

    def test_two_ciphertexts_swapped_between_rows_do_not_open(self) -> None:
        one, other = make_token(), make_token()
        one.credentials, other.credentials = other.credentials, one.credentials
        one.save()

        with pytest.raises(vault.VaultError, match="another row"):
            Token.objects.get(pk=one.pk).unseal()

    def test_bulk_update_and_bulk_create_keep_what_was_sealed(self) -> None:
        app = make_app()
        tokens = [make_token(app), make_token(app)]
        for token in tokens:
            token.credentials = vault.seal(token.owner, {"access_token": f"{MARKER}-new-{token.pk}"})

        Token.objects.bulk_update(tokens, ["credentials"])
        made = Token.objects.bulk_create(
            [
                Token(
                    app=app,
                    native_user_id="bulk",
                    credentials=vault.seal(app.token_owner("bulk"), {"access_token": "b"}),
                )
            ]
        )

        for token in tokens:
            assert Token.objects.get(pk=token.pk).unseal().access_token == f"{MARKER}-new-{token.pk}"
        assert Token.objects.get(pk=made[0].pk).unseal().access_token == "b"

    def test_a_compare_and_set_writes_once(self) -> None:
        token = make_token()
        same = Token.objects.as_seen(token)
        sealed = vault.seal(token.owner, {"access_token": "won"})

        assert same.update(credentials=sealed, generation=F("generation") + 1) == 1
        assert same.update(credentials=sealed, generation=F("generation") + 1) == 0

    def test_nobody_can_search_by_credentials(self) -> None:
        with pytest.raises(FieldError):
            Token.objects.filter(credentials="x").exists()

    def test_a_dump_holds_no_credentials(self) -> None:
        make_token()

        dump = serializers.serialize("json", Token.objects.all())

        assert "<sealed>" in dump
        assert MARKER not in dump

    def test_the_column_holds_ciphertext(self) -> None:
        make_token()

        with connection.cursor() as cursor:
            cursor.execute("select credentials from tokens_token")
            [stored] = cursor.fetchone()

        assert bytes(stored).startswith(b"gAAAAA")

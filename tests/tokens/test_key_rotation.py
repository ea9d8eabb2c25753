"""Moving stored secrets to the newest key while AdToken runs, and knowing which keys are still needed."""

import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from cryptography.fernet import Fernet
from django.apps import apps
from django.core.management import CommandError, call_command
from django.core.management.base import SystemCheckError
from django.test import Client
from pytest_django import Settings

from infra import keys
from infra.keys import Rotated, fingerprint, seal, unseal
from tests.support.connections import another
from tests.support.factories import NOW, make_token, make_user
from tokens import lifecycle
from tokens.channels.kinds import Credentials, Dates, Grant
from tokens.checks import services as probe
from tokens.models import ChannelApp, Token
from tokens.vault import queries as key_usage
from tokens.vault import services as vault
from tokens.vault.queries import PLACES, TokenRows
from users.models import User

pytestmark = pytest.mark.django_db

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


@pytest.fixture
def old_rows(settings: Settings) -> Token:
    """A channel app, a log-in and a second factor under the old key; the new one is first now."""
    settings.FERNET_KEYS = [OLD]
    token = make_token()
    make_user(email="ada@example.com")
    sealed = seal("SEED")
    Authenticator.objects.create(user_id=_ada(), type="totp", data={"secret": sealed})
    settings.FERNET_KEYS = [NEW, OLD]
    return token


def _ada() -> int:
    return User.objects.get(email="ada@example.com").pk


def rotate(*options: str) -> str:
    out = io.StringIO()
    call_command("rotate_token_keys", *options, stdout=out, stderr=out)
    return out.getvalue()


def renew(token: Token, access_token: str) -> None:
    grant = Grant(Credentials(access_token), Dates(access_expires_at=NOW + timedelta(days=60)), None)
    assert lifecycle.record_renewal(
        token_id=token.pk, generation=token.generation, grant=grant, now=NOW, source="test"
    )


def test_what_is_sealed_stands_beside_the_name_of_its_key(old_rows: Token, settings: Settings) -> None:
    fresh = make_token()

    assert (fresh.credentials_key, old_rows.credentials_key) == (fingerprint(NEW), fingerprint(OLD))
    assert ChannelApp.objects.get().secrets_key == fingerprint(OLD)
    assert Authenticator.objects.get().data["key"] == fingerprint(OLD)
    renew(old_rows, "renewed")
    old_rows.refresh_from_db()
    assert old_rows.credentials_key == fingerprint(NEW)
    old_rows.credentials = None
    old_rows.save(update_fields=["credentials"])
    old_rows.refresh_from_db()
    assert old_rows.credentials_key == ""


def test_all_that_the_ring_encrypts_moves_to_the_newest_key_and_opens_as_before(
    old_rows: Token, settings: Settings
) -> None:
    before = old_rows.unseal(), old_rows.app.keys().secrets
    with pytest.raises(CommandError, match="3 rows are not under the newest key"):
        rotate("--check")

    said = rotate()

    settings.FERNET_KEYS = [NEW]
    assert "log-ins: 1 moved" in said
    assert "All rows are under the newest key." in rotate("--check")
    token = Token.objects.select_related("app").get()
    assert (token.unseal(), token.app.keys().secrets) == before
    assert unseal(Authenticator.objects.get().data["secret"]) == "SEED"
    assert [use.total for use in key_usage.keys_in_use()] == [3]


def test_every_sealed_column_is_moved() -> None:
    columns = {
        (model._meta.db_table, field.column)
        for model in apps.get_models()
        for field in model._meta.fields
        if isinstance(field, vault.SealedField)
    }

    assert columns | {("mfa_authenticator", "data")} == {(place.table, place.column) for place in PLACES}


def test_recovery_codes_move_with_what_was_used_of_them(settings: Settings, rf: Any) -> None:
    settings.FERNET_KEYS = [OLD]
    person = make_user()
    sealed = [seal(code) for code in ("11111111", "22222222")]
    factor = Authenticator.objects.create(
        user=person, type="recovery_codes", data={"migrated_codes": sealed, "used_mask": 5}
    )
    settings.FERNET_KEYS = [NEW, OLD]

    rotate()

    settings.FERNET_KEYS = [NEW]
    factor = Authenticator.objects.get(pk=factor.pk)
    assert factor.data["used_mask"] == 5
    assert RecoveryCodes(factor).get_unused_codes() == ["11111111", "22222222"]


@pytest.mark.django_db(transaction=True)
def test_a_renewal_between_reading_and_writing_is_never_overwritten(
    old_rows: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    seal_again = TokenRows.seal_again

    def slowly(self: TokenRows, stored: Any) -> Any:
        again = seal_again(self, stored)
        monkeypatch.undo()
        renew(old_rows, "renewed meanwhile")
        return again

    monkeypatch.setattr(TokenRows, "seal_again", slowly)

    done = TokenRows().rotate()

    token = Token.objects.select_related("app").get()
    assert token.unseal().access_token == "renewed meanwhile"
    assert token.credentials_key == fingerprint(NEW)
    assert done.missed == 0


@pytest.mark.django_db(transaction=True)
def test_a_row_that_somebody_holds_is_not_waited_for_and_met_again(
    old_rows: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = make_token(app=old_rows.app)
    with another() as holder, holder.transaction(force_rollback=True):
        holder.execute("select 1 from tokens_token where id = %s for no key update", [old_rows.pk])
        monkeypatch.setattr("infra.keys.ROUNDS", 1)

        done = TokenRows().rotate()

    assert (done.moved, done.missed) == (0, 1)
    assert other.credentials_key == fingerprint(NEW)
    assert TokenRows().rotate().moved == 1


def test_what_no_key_opens_stays_and_is_said(old_rows: Token, settings: Settings) -> None:
    settings.FERNET_KEYS = [NEW]
    stored = bytes(Token.objects.get().credentials.ciphertext)  # type: ignore[union-attr]

    with pytest.raises(CommandError, match="3 rows are not under the newest key"):
        rotate()

    assert bytes(Token.objects.get().credentials.ciphertext) == stored  # type: ignore[union-attr]


def test_a_key_that_is_taken_out_too_early_is_missed_at_once(
    client: Client, old_rows: Token, settings: Settings
) -> None:
    settings.FERNET_KEYS = [NEW]

    ready = client.get("/readyz")

    assert ready.status_code == 503
    assert ready.json()["key_ring"] == (
        f"Key {fingerprint(OLD)} is missing from FERNET_KEYS: rows of 1 channel app, 1 log-in, 1 second factor need it."
    )
    with pytest.raises(SystemCheckError, match=fingerprint(OLD)):
        call_command("check", databases=["default"], fail_level="WARNING")
    settings.FERNET_KEYS_LOST = [fingerprint(OLD)]
    key_usage.forget()
    assert client.get("/readyz").status_code == 200


def test_the_look_is_taken_every_few_seconds_only(
    client: Client, old_rows: Token, django_assert_num_queries: Any
) -> None:
    client.get("/readyz")

    with django_assert_num_queries(0):
        key_usage.key_problems()


def test_the_channel_apps_page_counts_what_each_key_opens(client: Client, old_rows: Token) -> None:
    client.force_login(make_user(is_staff=True, is_superuser=True))

    page = client.get("/admin/tokens/channelapp/").content.decode()

    assert fingerprint(NEW) in page
    assert "1 channel app, 1 log-in, 1 second factor" in page
    assert "manage.py rotate_token_keys" in page


def test_log_ins_under_an_unknown_key_are_our_fault_and_no_death(old_rows: Token, settings: Settings) -> None:
    settings.FERNET_KEYS = [NEW]
    for days in (0, 4, 30):
        probe.probe_token(old_rows.pk, now=NOW + timedelta(days=days), source="sweep")

    token = Token.objects.get(pk=old_rows.pk)
    assert (token.state, token.last_check_result) == ("valid", "our_bug")


def test_a_transaction_of_the_rotation_holds_one_batch_only(
    old_rows: Token, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_token(app=old_rows.app), make_token(app=old_rows.app)
    Token.objects.exclude(pk=old_rows.pk).update(
        credentials=old_rows.credentials, credentials_key=fingerprint(OLD)
    )
    sizes: list[int] = []
    move = TokenRows._move

    def counted(self: TokenRows, rows: Sequence[Any], done: Rotated) -> list[int]:
        sizes.append(len(rows))
        return move(self, rows, done)

    monkeypatch.setattr(TokenRows, "_move", counted)
    monkeypatch.setattr(keys, "BATCH", 2)

    TokenRows().rotate()

    assert sizes == [2, 1]

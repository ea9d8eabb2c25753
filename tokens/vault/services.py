"""Sealing credentials.

A `Sealed` holds ciphertext only; nothing is decrypted when a row is loaded. `seal` writes the owner into the plaintext and `unseal`
demands it, so that two ciphertexts swapped between rows do not open. The owner is the row's natural key, known before the row has a pk.
"""

import json
from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.views.decorators.debug import sensitive_variables
from fernet_fields import EncryptedTextField

from infra.keys import NAME_LETTERS, fingerprints, ring

DIFFERENT_BYTES = 16  # of the 32 of a key; a random one has 30


class VaultError(Exception):
    """A ciphertext does not open: a key is missing from FERNET_KEYS, or the row was tampered with."""


class NothingStored(VaultError, ValueError):  # noqa: N818  # an answer
    """No credentials are stored at all. The text says where they are entered."""


class Sealed:
    """Ciphertext of credentials. It shows nothing of them, wherever it is printed.

    `key` is the name of the key that it was sealed with in this process; empty where it was loaded, for its name is beside it.
    """

    __slots__ = ("ciphertext", "key")

    def __init__(self, ciphertext: bytes, key: str = "") -> None:
        self.ciphertext = bytes(ciphertext)
        self.key = key

    def __repr__(self) -> str:
        return "<sealed>"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sealed) and other.ciphertext == self.ciphertext

    def __hash__(self) -> int:
        return hash(self.ciphertext)


@sensitive_variables()
def seal(owner: str, data: Mapping[str, Any]) -> Sealed:
    """Return `data` (JSON-safe) encrypted with the newest key, bound to `owner`."""
    text = json.dumps({"owner": owner, "data": dict(data)}, separators=(",", ":"))
    return Sealed(ring().encrypt(text.encode()), fingerprints()[0])


@sensitive_variables()
def unseal(owner: str, sealed: Sealed) -> dict[str, Any]:
    """Return what was sealed for `owner`.

    Raises VaultError when no key of the ring opens it, or it was sealed for another owner. Whatever goes wrong in here, the error
    carries nothing of the text: neither in its message nor in what caused it.
    """
    content = _open(owner, sealed)
    if content.get("owner") != owner:
        raise VaultError(f"The credentials stored for {owner} were sealed for another row.")
    data: dict[str, Any] = content["data"]
    return data


@sensitive_variables()
def _open(owner: str, sealed: Sealed) -> dict[str, Any]:
    try:
        content = json.loads(ring().decrypt(sealed.ciphertext))
    except InvalidToken:
        content = None
    except Exception:  # noqa: BLE001  # a library's message may quote the text that it was given
        raise VaultError(f"The credentials of {owner} opened, but are damaged.") from None
    if not isinstance(content, dict):
        raise VaultError(f"The credentials of {owner} do not open. Is a key missing from FERNET_KEYS?")
    return content


def check_keys(keys: list[str], secret_key: str) -> None:
    """Raise ImproperlyConfigured unless the key ring is usable: present, well-formed, distinct, not SECRET_KEY."""
    make = "python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())'"
    if not keys:
        raise ImproperlyConfigured(f"Set FERNET_KEYS, newest key first. Make one with: {make}")
    if len(set(keys)) != len(keys):
        raise ImproperlyConfigured("FERNET_KEYS holds the same key twice.")
    if secret_key in keys:
        raise ImproperlyConfigured("A key in FERNET_KEYS equals SECRET_KEY. Use a key of its own.")
    for place, key in enumerate(keys, 1):
        try:
            Fernet(key)
        except (ValueError, TypeError):
            raise ImproperlyConfigured(
                f"Key {place} in FERNET_KEYS is not a Fernet key. Make one with: {make}"
            ) from None
        if len(set(urlsafe_b64decode(key))) < DIFFERENT_BYTES:
            raise ImproperlyConfigured(
                f"Key {place} in FERNET_KEYS is not random, so it can be guessed. Make one with: {make}"
            )


class SealedField(EncryptedTextField):  # type: ignore[misc]  # the library ships no types
    """A column of ciphertext that takes and gives `Sealed`, and lets SQL expressions through.

    The library's own field decrypts on load and encrypts whatever it is given, SQL expressions of `bulk_update` included, which
    destroys data; every method that touches values is therefore replaced.
    """

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Sealed | None:
        """Wrap the stored bytes."""
        return None if value is None else Sealed(value)

    def to_python(self, value: Any) -> Any:
        """Leave the value as it is: forms and fixtures never carry credentials."""
        return value

    def get_prep_value(self, value: Any) -> Any:
        """Let `Sealed`, None and expressions through; refuse everything else."""
        if value is None or isinstance(value, Sealed) or hasattr(value, "as_sql"):
            return value
        raise TypeError("Assign vault.seal(...), never plain credentials.")

    def get_db_prep_save(self, value: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return the bytes to store."""
        return self.get_db_prep_value(self.get_prep_value(value), connection)

    def get_db_prep_value(self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False) -> Any:
        """Return bytes for a `Sealed`, anything else unchanged."""
        if isinstance(value, Sealed):
            return connection.Database.Binary(value.ciphertext)  # type: ignore[attr-defined]  # psycopg's module
        return value

    def value_to_string(self, obj: Any) -> str:
        """Keep credentials out of dumps."""
        return "<sealed>"


class KeyNameField(models.CharField):  # type: ignore[type-arg]  # the stubs' parameters do not exist at run time
    """The name of the key that opens the sealed column `of` of the same row; empty where nothing is stored, or nobody named it yet."""

    def __init__(self, *, of: str, **options: Any) -> None:
        self.of = of
        fixed = {
            "max_length": NAME_LETTERS,
            "blank": True,
            "default": "",
            "db_default": "",
            "editable": False,
        }
        super().__init__(**{**options, **fixed})

    def deconstruct(self) -> Any:
        """Name the column that it belongs to, too."""
        name, path, arguments, options = super().deconstruct()
        return name, path, arguments, {**options, "of": self.of}

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Return the name of the key that was used here, else what is stored."""
        sealed = getattr(model_instance, self.of)
        if sealed is None:
            setattr(model_instance, self.attname, "")
        elif isinstance(sealed, Sealed) and sealed.key:  # plain text is refused by its own column
            setattr(model_instance, self.attname, sealed.key)
        return super().pre_save(model_instance, add)


class NamesItsKeys(models.Model):
    """A row with sealed columns: whoever saves one saves the name of its key with it."""

    class Meta:
        abstract = True

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **options: Any) -> None:
        """Save; the name of a key goes with its ciphertext."""
        if update_fields is not None:
            fields = set(update_fields)
            names = [field for field in self._meta.fields if isinstance(field, KeyNameField)]
            update_fields = fields | {field.name for field in names if field.of in fields}
        super().save(*args, update_fields=update_fields, **options)

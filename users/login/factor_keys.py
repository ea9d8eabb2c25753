"""Which key the secrets of second factors are encrypted with: its name is in the row's data, beside them.

The table is the library's, so the name has no column of its own. The library reads only what it put in, and leaves the rest.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

from allauth.mfa.models import Authenticator

from infra.key_ring import fingerprints, key_of, renewed
from infra.key_rotation import UNKNOWN, SealedRows

NAME = "key"
SEALED = ("secret", "seed", "migrated_codes")  # the third is a list


def name_key(*, instance: Authenticator, **_kwargs: Any) -> None:
    """Write beside the secrets of a factor that is saved which key opens them."""
    if isinstance(instance.data, dict) and any(part in instance.data for part in SEALED):
        instance.data[NAME] = _opened_by(instance.data)


def _opened_by(data: Mapping[str, Any]) -> str:
    """Return the name of the key that opens all secrets; UNKNOWN where one stays closed, or they need several."""
    names = {key_of(text) for text in _texts(data)} or {fingerprints()[0]}
    return names.pop() if len(names) == 1 else UNKNOWN


def _texts(data: Mapping[str, Any]) -> list[Any]:
    found: list[Any] = []
    for part in SEALED:
        value = data.get(part, [])
        found += value if isinstance(value, list) else [value]
    return found


class FactorRows(SealedRows):
    """Authenticator apps and recovery codes."""

    label = "second factors"
    table = "mfa_authenticator"
    column = "data"
    kind = "jsonb"
    key = "coalesce(data ->> 'key', '')"
    changes = "data = v.new"
    only = f"data ?| array[{', '.join(repr(part) for part in SEALED)}]"  # a security key holds nothing sealed

    def opens(self, *, samples: int) -> dict[str, bool]:
        """Return for each name beside rows whether the ring opens one of so many of them, whatever the name says."""
        text = (
            f"select n.key, s.data from (select distinct {self.key} as key from {self.table} where {self._stored}) n,"  # noqa: S608  # constants of the class
            f" lateral (select data::text from {self.table} where {self._stored} and {self.key} = n.key limit %(samples)s) s"
        )
        found: dict[str, bool] = {}
        for name, stored in self._query(text, samples=samples):
            found[name] = found.get(name, False) or all(key_of(one) for one in _texts(json.loads(stored)))
        return found

    def seal_again(self, stored: Any) -> str | None:
        """Return the data with its secrets under the newest key, and that key's name."""
        data = json.loads(stored)
        again = {part: _each(data[part], _renewed) for part in SEALED if part in data}
        if None in _texts(again):
            return None
        fresh = {**data, **again, NAME: _opened_by(again)}
        return str(stored) if fresh == data else json.dumps(fresh)

    def opened_by(self, stored: Any) -> str:
        """Return the name of the key that opens the secrets."""
        return _opened_by(json.loads(stored))


def _each(value: Any, change: Callable[[str], str | None]) -> Any:
    return [change(one) for one in value] if isinstance(value, list) else change(value)


def _renewed(text: str) -> str | None:
    sealed = renewed(text.encode())
    return None if sealed is None else sealed.decode()

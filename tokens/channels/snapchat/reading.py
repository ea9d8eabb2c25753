"""Turning Snapchat's answers into our dataclasses. A strange field is left out or unknown, never an exception."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tokens.channels.kinds import NativeAccount
from tokens.channels.parse import mapping, name_of, names, spelt, words
from tokens.channels.snapchat import policy

SUCCESS = "success"  # documents write it in capitals and in lower case
ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Organization:
    """One organization with the person's roles in it. `accounts` None: the answer did not hold its ad accounts."""

    id: str
    name: str
    member_id: str
    roles: tuple[str, ...]
    accounts: tuple[Any, ...] | None

    @property
    def administers(self) -> bool:
        """Whether the person may do everything in all its ad accounts."""
        return policy.ORGANIZATION_ADMIN in self.roles


def id_of(value: Any) -> str:
    """Return an id in lower case, or nothing."""
    return spelt(value, ID)


def items(body: Any, plural: str, singular: str) -> tuple[list[Mapping[str, Any]], bool]:
    """Unwrap a list of `{sub_request_status, <singular>: {...}}`. Return what is good, and whether all of it was."""
    rows = mapping(body).get(plural)
    if not isinstance(rows, list):
        return [], False
    good = [mapping(row) for row in rows if not failed(row)]
    found = [mapping(row.get(singular)) for row in good if mapping(row.get(singular))]
    return found, len(found) == len(rows)


def failed(row: Any) -> bool:
    """Return whether an item of an answer is an error: HTTP 200 may hold some."""
    status = mapping(row).get("sub_request_status", SUCCESS)
    return not isinstance(status, str) or status.lower() != SUCCESS


def next_page(body: Any) -> str | None:
    """Return the query of the next page: None on the last, "" where it cannot be read.

    Snapchat gives a whole address, in its own example on another host than the one that was asked. Only its query is used: a token
    goes to no host but the configured one.
    """
    link = mapping(mapping(body).get("paging")).get("next_link")
    if not link:
        return None
    try:
        query = urlsplit(words(link, 4000)).query
    except ValueError:
        return ""
    return query if parse_qsl(query) else ""


def organization(row: Mapping[str, Any]) -> Organization:
    """Read one organization of /me/organizations; without a usable id nothing more can be asked about it."""
    listed = row.get("ad_accounts")
    return Organization(
        id=id_of(row.get("id")),
        name=words(row.get("name"), 100).strip(),
        member_id=id_of(row.get("my_member_id")),
        roles=names(row.get("roles")) or (),
        accounts=tuple(listed) if isinstance(listed, list) else None,
    )


def account(
    row: Any, organization_roles: Iterable[str], told: Iterable[str] | None = None
) -> NativeAccount | None:
    """Read one ad account; None where it has no usable id. `told`: the person's roles on it, where it does not name them itself."""
    said = mapping(row)
    native_id = id_of(said.get("id"))
    if not native_id:
        return None
    status = words(said.get("status"), 60).upper()
    roles = names(said.get("roles"))
    role, can_publish = policy.role(organization_roles, roles if roles is not None else told)
    return NativeAccount(
        native_id=native_id,
        name=name_of(said.get("name"), 300) or native_id,
        currency=words(said.get("currency"), 3),
        time_zone=words(said.get("timezone"), 64),
        native_status=status,
        restriction=policy.restriction(status, names(said.get("delivery_status"))),
        closed=status in policy.CLOSED,
        role=role,
        can_publish=can_publish,
    )

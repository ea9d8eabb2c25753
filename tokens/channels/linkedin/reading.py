"""Turning LinkedIn's answers into our dataclasses. A strange field is left out or unknown, never an exception."""

import base64
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tokens.channels.addresses import configured
from tokens.channels.kinds import Dates, DateSource, Identity, NativeAccount
from tokens.channels.linkedin import policy
from tokens.channels.parse import (
    LONGEST_TOKEN,
    mapping,
    moment,
    name_of,
    names,
    number,
    scopes_of,
    spelt,
    words,
)
from tokens.channels.roles import unless_lacking
from tokens.channels.sessions import Scopes

URN = "urn:li:sponsoredAccount:"
ID = re.compile(r"[1-9][0-9]{0,18}")


@dataclass(frozen=True)
class IntrospectionReport:
    """What introspection says of a token."""

    client_id: str
    dates: Dates
    scopes: tuple[str, ...] | None


def report_of(body: Any) -> IntrospectionReport:
    """Read an answer of introspection, of a living token or of one that is over."""
    data = mapping(body)
    ends = moment(data.get("expires_at"))
    sources: dict[str, DateSource] = {} if ends is None else {"access": "introspection"}
    return IntrospectionReport(
        client_id=words(data.get("client_id"), 100),
        dates=Dates(issued_at=moment(data.get("created_at")), access_expires_at=ends, sources=sources),
        scopes=scopes_of(data.get("scope")),
    )


def identity_of(body: Any, client_id: str, now: datetime) -> Identity | None:
    """Return who consented by the ID token beside an access token; None where there is none of LinkedIn's for this app that holds now."""
    said = claims_in(body, client_id=client_id, issuer=configured("LINKEDIN_WWW_URL"), now=now)
    native_user_id = words(said.get("sub"), 191).strip()
    return Identity(native_user_id, name_of(said.get("name"), 200)) if native_user_id else None


def roles_of(rows: Iterable[Any]) -> dict[str, str]:
    """Read rows of adAccountUsers: canonical id to role. Rows that name no ad account are left out."""
    read = [mapping(row) for row in rows]
    found = {spelt(row.get("account"), ID, prefix=URN): words(row.get("role"), 100) for row in read}
    return {native_id: role for native_id, role in found.items() if native_id}


def account_of(body: Any, *, roles: Mapping[str, str], scopes: Scopes) -> NativeAccount | None:
    """Read one ad account of adAccounts; `roles` are the person's, by canonical id. None where the row has no usable id."""
    row = mapping(body)
    native_id = spelt(str(number(row.get("id"))), ID)
    if not native_id:
        return None
    status = words(row.get("status"), 64)
    serving = [name[:64] for name in (names(row.get("servingStatuses")) or ())[:20]]
    holds = [one for one in serving if one != policy.RUNNABLE]
    return replace(
        bare_account(native_id, role=roles.get(native_id, ""), scopes=scopes),
        name=name_of(row.get("name"), 300) or native_id,
        currency=words(row.get("currency"), 3),
        time_zone="UTC",  # LinkedIn has no such field; its reporting days are UTC
        native_status=", ".join([status, *holds])[:60] if status else "",
        restriction=policy.restriction(status, serving),
        closed=status in policy.CLOSED,
    )


def bare_account(native_id: str, *, role: str, scopes: Scopes) -> NativeAccount:
    """Return an ad account of which only the role is known."""
    label, can_publish = policy.ROLES.widest([role] if role else [])
    can_publish = unless_lacking(can_publish, policy.PUBLISHING_SCOPE, scopes)
    return NativeAccount(native_id=native_id, name=native_id, role=label, can_publish=can_publish)


def claims_in(body: Any, *, client_id: str, issuer: str, now: datetime) -> Mapping[str, Any]:
    """Return what the ID token of a token endpoint's answer says; nothing unless it is the issuer's, for this app, and holds now.

    Its signature is not checked: it came from the token endpoint itself, over TLS, which OpenID Connect Core takes for as good (3.1.3.7).
    """
    payload = words(mapping(body).get("id_token"), LONGEST_TOKEN).split(".")[1:2]
    try:
        part = payload[0] if payload else ""
        said = mapping(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))
    except (ValueError, RecursionError):
        return {}
    audience, ends = said.get("aud"), moment(said.get("exp"))
    ours = audience == client_id or (isinstance(audience, list) and client_id in audience)
    holds = ends is not None and ends > now
    return said if ours and holds and words(said.get("iss")).startswith(issuer) else {}

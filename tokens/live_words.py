"""How `manage.py check_channel` words what a channel said: dates, permissions, ad accounts, and answers that were not as hoped."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from tokens import scrub
from tokens.channels.kinds import Dates, NativeAccount
from tokens.models import Token

EXCERPT = 600  # characters of an answer that is not OK
CLOCKS = {
    "access": "Access ends",
    "refresh": "Renewal ends",
    "data_access": "Data access ends",
}


def dates(said: Dates | None) -> list[str]:
    """Return a line for each clock, with who said it."""
    found = []
    for clock, name in CLOCKS.items():
        at = getattr(said, f"{clock}_expires_at", None)
        source = said.sources.get(clock) if said else None
        if at is not None:
            found.append(f"{name}: {_moment(at)}, said by {source or 'nobody'}")
        elif source == "never":
            found.append(f"{name}: never")
    return found or ["Dates: the channel tells none"]


def stored_dates(token: Token) -> str:
    """Return the dates that are stored, in one line."""
    known = {name: getattr(token, f"{clock}_expires_at") for clock, name in CLOCKS.items()}
    return ", ".join(f"{name} {_moment(at)}" for name, at in known.items() if at) or "no dates known"


def permissions(scopes: tuple[str, ...] | None) -> str:
    """Return the permissions that were granted."""
    return "the channel tells none" if scopes is None else ", ".join(scopes) or "none at all"


def ad_account(account: NativeAccount) -> str:
    """Return an ad account in one line."""
    facts = [
        f"{account.native_id} {account.name}".strip(),
        f"role {account.role}" if account.role else "role not told",
        f"can publish: {account.can_publish}",
        f"status {account.native_status}" if account.native_status else "status not told",
    ]
    if account.restriction or account.restriction is None:
        facts.append(f"restricted: {account.restriction or 'not told here'}")
    facts += ["closed"] if account.closed and account.restriction != "closed" else []
    return ", ".join(facts)


def excerpt(evidence: Mapping[str, Any]) -> list[str]:
    """Return what was answered, scrubbed and short."""
    if not evidence:
        return []
    text = json.dumps(scrub.data(dict(evidence), depth=8), ensure_ascii=False, default=str)
    return [f"Answer: {text if len(text) <= EXCERPT else text[: EXCERPT - 1] + '…'}"]


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"

"""The rows of one account's pool: who, until when, in what state, and which deed helps."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.urls import reverse

from accounts import deeds, faces, selection
from accounts.models import Account, AccountToken
from accounts.names import HIDDEN, Names
from accounts.portal import dates, rows
from tokens import reasons, renewal, scrub
from tokens.channels.base import Reason, Verdict
from tokens.models import Token, TokenEvent
from users.models import User

# They stand after "checked 5 min ago:", the time of the last answer that told something.
NO_ANSWER = "no clear answer since"
CHECK_WORDS = {
    Verdict.OK: "fine",
    Verdict.TOKEN_DEAD: "stopped",
    Verdict.CONFIRM_FIRST: "not clear, asked again",
    Verdict.APP_FAULT: "AdToken was refused since",
    Verdict.RATE_LIMITED: "put off since, too many calls",
}


@dataclass(frozen=True)
class Deed:
    """One button. `refused` says why it is drawn grey and does nothing."""

    label: str
    url: str
    post: bool = False
    kind: str = ""
    icon: str = ""
    refused: str = ""
    fields: Sequence[tuple[str, str]] = ()
    copy: str = ""  # an address for the clipboard instead of a deed


@dataclass(frozen=True)
class Box:
    """What happened, who can fix it, steps, and the channel's answer."""

    told: reasons.Explanation
    who: str
    asked_at: datetime | None
    evidence: str
    opened: bool


@dataclass(frozen=True)
class PoolRow:
    """One token in one account's pool."""

    entry: AccountToken
    place: int
    name: str
    native_name: str
    linked: str
    linked_by: str
    pill: faces.Pill
    short: str
    days: faces.DaysLeft
    dates: Sequence[dates.DateLine]
    permissions: str
    publishing: str
    checked: str
    active: bool
    box: Box | None = None
    buttons: Sequence[Deed] = ()
    more: Sequence[Deed] = ()
    up: Deed | None = None
    down: Deed | None = None
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def token(self) -> Token:
        """The token."""
        return self.entry.token


def build(
    account: Account, *, viewer: User | AnonymousUser, names: Names, now: datetime, opened: int = 0
) -> list[PoolRow]:
    """Return the pool in the order in which it is tried, with the deeds that this viewer may do."""
    entries = selection.in_order(account)
    asked = _asked([entry.token_id for entry in entries])
    found = []
    for place, entry in enumerate(entries, 1):
        entry.account = account
        row = _row(account, entry, place, names, now)
        box = _box(row, names, asked.get(entry.token_id), opened=opened)
        row = replace(row, box=box)
        before = place == 1 or _group(account, entries[place - 2]) != _group(account, entry)
        after = place == len(entries) or _group(account, entries[place]) != _group(account, entry)
        found.append(_with_deeds(row, viewer, names, now, first=before, last=after))
    return found


def _group(account: Account, entry: AccountToken) -> int:
    """Return which part of the order an entry belongs to; ranks only count within one."""
    if account.active_token_id == entry.token_id:
        return 0
    if selection.usable(entry):
        return 1
    return 2 if selection.living(entry) else 3


def _asked(token_ids: list[int]) -> dict[int, datetime]:
    asked = TokenEvent.objects.filter(token__in=token_ids, kind=TokenEvent.Kind.ASKED).order_by("at", "id")
    return dict(asked.values_list("token_id", "at"))


def _how_it_came(token: Token) -> str:
    if token.kind == Token.Kind.SYSTEM:
        return "system user, added"
    return "linked" if token.consented_by_id else "imported"


def _row(account: Account, entry: AccountToken, place: int, names: Names, now: datetime) -> PoolRow:
    token = entry.token
    active = account.active_token_id == token.pk
    added_by = entry.added_by if entry.added_by_id != token.consented_by_id else None
    return PoolRow(
        entry=entry,
        place=place,
        name=names.token(token, account),
        native_name=token.native_user_name if names.sees_token(token, account) else "",
        linked=_how_it_came(token),
        linked_by=names.user(added_by),
        pill=faces.token_pill(
            active=active, state=token.state, access=entry.access, can_publish=entry.can_publish
        ),
        short=_short(entry),
        days=dates.days(token, usable=selection.usable(entry), now=now),
        dates=dates.lines(token, account.channel, now),
        permissions=dates.permissions(token, account.channel),
        publishing=_publishing(entry),
        checked=_checked(entry),
        active=active,
    )


def trouble(entry: AccountToken) -> str:
    """Return the reason why an entry is of no use here, or ""."""
    if entry.token.state != Token.State.VALID:
        return entry.token.reason
    if entry.access == AccountToken.Access.LOST:
        return entry.access_reason or Reason.ACCESS_LOST
    if entry.can_publish == AccountToken.CanPublish.NO:
        return entry.access_reason or Reason.PUBLISHING_LOST
    return ""


def _short(entry: AccountToken) -> str:
    reason = trouble(entry)
    return rows.explain(entry.account, reason).short if reason else ""


def _publishing(entry: AccountToken) -> str:
    words = {"yes": "can publish", "no": "can report only", "unknown": "not known whether it may publish"}
    if entry.access == AccountToken.Access.LOST:
        return "none here any more"
    return " · ".join(part for part in (entry.role, words[entry.can_publish]) if part)


def _checked(entry: AccountToken) -> str:
    result = entry.token.last_check_result
    if not result:
        return ""
    if entry.token.state == Token.State.DEAD:
        return CHECK_WORDS[Verdict.TOKEN_DEAD]
    if result == Verdict.OK and entry.access == AccountToken.Access.LOST:
        return "no access"
    return next((word for verdict, word in CHECK_WORDS.items() if verdict == result), NO_ANSWER)


def _box(row: PoolRow, names: Names, asked_at: datetime | None, *, opened: int) -> Box | None:
    reason = trouble(row.entry)
    if not reason:
        return None
    token, account = row.token, row.entry.account
    seen = names.sees_token(token, account)
    evidence = pretty(token.evidence) if seen and token.evidence else ""
    told = rows.explain(account, reason, person=row.name)
    return Box(
        told=told,
        who=told.who if told.who.endswith(".") else f"{told.who}.",
        asked_at=asked_at if asked_at and asked_at > token.linked_at else None,
        evidence=evidence,
        opened=token.state == Token.State.DEAD or opened == token.pk,
    )


def _with_deeds(
    row: PoolRow, viewer: User | AnonymousUser, names: Names, now: datetime, *, first: bool, last: bool
) -> PoolRow:
    """Add the buttons: at most two beside the token, the others under "More"."""
    may = viewer.has_perm
    account, token = row.entry.account, row.token

    def to(name: str) -> str:
        return reverse(f"admin:accounts_account_token_{name}", args=[account.pk, token.pk])

    ask = None
    if may("tokens.ask_token"):
        called = names.first(token, account)
        dead = token.state == Token.State.DEAD
        label = f"Ask {called} to re-authenticate" if dead and called != HIDDEN else "Ask to re-authenticate"
        ask = Deed(
            label, to("ask"), kind="primary" if dead else "", icon="mail", refused=deeds.cannot_ask(token)
        )
    check = Deed("Check now", to("check"), post=True, icon="refresh") if may("tokens.probe_token") else None
    activate = (
        Deed("Make active", to("activate"), icon="bolt")
        if may("accounts.switch_active_token") and not row.active and selection.usable(row.entry)
        else None
    )
    steps = None
    if row.box and not row.box.opened:
        page = reverse("admin:accounts_account_change", args=[account.pk])
        steps = Deed("See steps", f"{page}?steps={token.pk}#steps-{token.pk}")
    buttons = _first_two(row, ask=ask, check=check, activate=activate, steps=steps, now=now)
    rest: list[Deed | None] = [activate, check, ask]
    policy = renewal.policy_of(token)
    if may("tokens.renew_token") and token.state != Token.State.DEAD and policy is not None:
        why_not = "No end date to move" if policy.exchange else "Nothing to renew it with"
        refused = "" if renewal.possible(token, now) else why_not
        rest.append(Deed("Renew now", to("renew"), icon="sync", refused=refused))
    rest.append(_copy_link(account))
    if may("accounts.unlink_token"):
        rest.append(Deed("Unlink", to("unlink"), kind="danger", icon="delete"))
    more = [
        replace(deed, kind="danger" if deed.kind == "danger" else "")
        for deed in rest
        if deed and deed.url not in {b.url for b in buttons}
    ]
    up = down = None
    if may("accounts.rank_token"):
        up = Deed(
            f"Move {row.name} up",
            to("move"),
            post=True,
            fields=[("step", "-1")],
            refused="first" if first else "",
        )
        down = Deed(
            f"Move {row.name} down",
            to("move"),
            post=True,
            fields=[("step", "1")],
            refused="last" if last else "",
        )
    return replace(row, buttons=buttons, more=more, up=up, down=down)


def _first_two(
    row: PoolRow,
    *,
    ask: Deed | None,
    check: Deed | None,
    activate: Deed | None,
    steps: Deed | None,
    now: datetime,
) -> list[Deed]:
    """Return the deed that helps, then the second one."""
    token = row.token
    if token.state == Token.State.DEAD:
        wanted = [ask]
    elif row.box is not None and token.state == Token.State.VALID:
        missing = row.entry.access_reason == Reason.SCOPE_MISSING  # the person grants it, nobody else
        wanted = [ask] if missing else [steps, check]
    elif row.active:
        due = token.deadline is not None and token.deadline - now <= faces.AT_RISK
        wanted = [ask] if due else [check]
    else:
        wanted = [activate, check]
    return [deed for deed in wanted if deed is not None]


def _copy_link(account: Account) -> Deed:
    link = f"{settings.BASE_URL}{reverse('reauthenticate', args=[account.pk])}"
    return Deed("Copy re-authenticate link", link, icon="copy", copy=link)


def pretty(evidence: Any) -> str:
    """Return a stored answer of a channel for the fold, scrubbed once more on its way to the page."""
    return json.dumps(scrub.data(evidence), indent=2, ensure_ascii=False, default=str)

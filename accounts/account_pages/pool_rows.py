"""The rows of one account's pool: who, until when, in what state, and which action helps."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy

from accounts.asks import rules
from accounts.models import Account, AccountToken
from accounts.pool import health
from accounts.pool import queries as pool_queries
from accounts.timeline import pretty
from tokens.channels import declarations, registry, words
from tokens.channels.kinds import Verdict
from tokens.models import Token, TokenEvent
from tokens.token import reasons
from ui import addresses
from ui.dates import AT_RISK, CLOCK_NAMES, DeadlineFacts, source_words, within
from ui.name_visibility import NameVisibility
from ui.phrases import phrase
from ui.text import join_names, quoted
from users.models import User

say = partial(phrase, "words/pool.txt")

# They stand after "checked 5 min ago:", the time of the last answer that told something.
NO_ANSWER = gettext_lazy("no clear answer since")
CHECK_WORDS = {
    Verdict.OK: gettext_lazy("fine"),
    Verdict.TOKEN_DEAD: gettext_lazy("stopped"),
    Verdict.CONFIRM_FIRST: gettext_lazy("not clear, asked again"),
    Verdict.APP_FAULT: gettext_lazy("AdToken was refused since"),
    Verdict.RATE_LIMITED: gettext_lazy("put off since, too many calls"),
}
SOON = timedelta(hours=48)  # nearer than this, the hour of a date counts


@dataclass(frozen=True)
class DateLine:
    """One date of a token. Without `at`, `text` stands for it."""

    label: str
    at: datetime | None
    text: str
    source: str
    soon: bool = False  # so near that its day alone says too little


def date_lines(token: Token, channel: str, now: datetime) -> list[DateLine]:
    """Return the dates of a token in the guide's order; of one that stopped only when it did."""
    if token.state == Token.State.DEAD:
        source = "" if token.is_removed else _source_of_date("introspection", channel)
        return [DateLine(say("ended"), token.state_since, "", source)]
    found: list[DateLine] = []
    for clock, label in CLOCK_NAMES.items():
        at: datetime | None = getattr(token, f"{clock}_expires_at")
        source = str(token.dates_source.get(clock, "unknown"))
        if at is not None:
            said = _renewed(token, clock, _source_of_date(source, channel))
            found.append(DateLine(str(label), at, "", said, soon=abs(at - now) < SOON))
        elif source == "never":
            found.append(DateLine(str(label), None, say("no_end_date"), _source_of_date(source, channel)))
        elif clock == "access":
            unknown = _source_of_date("unknown", channel)
            found.append(DateLine(str(label), None, say("not_available"), unknown))
    return found


def _renewed(token: Token, clock: str, source: str) -> str:
    """Return where a date comes from; say of an access date in front of a refresh token that it is no end, or that it has become one."""
    policy = token.renewal_policy
    if clock != "access" or policy is None or policy.exchange or not token.has_refresh_token:
        return source
    return say("no_longer_renewed" if token.refresh_refused_at else "renewed_by_us", source=source)


def lifetime_note(channel: str) -> str:
    """Return a rule of the channel that no source proves, as a note; "" for none."""
    return words.said(channel, "lifetime_note")


def permissions_said(token: Token, channel: str) -> str:
    """Return "2 of 3 · “Manage ads” missing"; what the channel did not say is not guessed."""
    wanted = registry.get(channel).scopes
    if token.scopes is None or not wanted:
        return say("not_available")
    missing = [str(scope.label) for scope in wanted if scope.name not in token.scopes]
    named = join_names([quoted(str(label)) for label in missing])
    had = len(wanted) - len(missing)
    dead = token.state == Token.State.DEAD
    return say("permissions", n=had, n_all=len(wanted), missing=named, dead=dead)


def _source_of_date(source: str, channel: str) -> str:
    return source_words(source, channel_label=declarations.label(channel))


@dataclass(frozen=True)
class PoolAction:
    """One button. `refused` says why it is drawn grey and does nothing."""

    label: str
    url: str
    post: bool = False
    kind: str = ""
    icon: str = ""
    refused: str = ""
    fields: Sequence[tuple[str, str]] = ()
    copy: str = ""  # an address for the clipboard instead of an action


@dataclass(frozen=True)
class Box:
    """What happened, who can fix it, steps, and the channel's answer."""

    explanation: reasons.Explanation
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
    linked_by: str
    state: health.InPool
    short: str
    deadline: DeadlineFacts
    dates: Sequence[DateLine]
    permissions: str
    publishing: str
    checked: str
    active: bool
    box: Box | None = None
    buttons: Sequence[PoolAction] = ()
    more: Sequence[PoolAction] = ()
    up: PoolAction | None = None
    down: PoolAction | None = None

    @property
    def token(self) -> Token:
        """The token."""
        return self.entry.token


def build_rows(
    account: Account, *, viewer: User | AnonymousUser, names: NameVisibility, now: datetime, opened: int = 0
) -> list[PoolRow]:
    """Return the pool in the order in which it is tried, with the actions that this viewer may do."""
    entries = account.pool_in_order()
    asked = _asked([entry.token_id for entry in entries])
    groups = [None, *(account.group_of(entry) for entry in entries), None]
    found = []
    for place, entry in enumerate(entries, 1):
        entry.account = account
        row = _row(account, entry, place, names, now)
        row = replace(row, box=_box(row, names, asked.get(entry.token_id), opened=opened))
        first, last = groups[place - 1] != groups[place], groups[place + 1] != groups[place]
        found.append(_with_actions(row, viewer, names, now, first=first, last=last))
    return found


def _asked(token_ids: list[int]) -> dict[int, datetime]:
    asked = TokenEvent.objects.filter(token__in=token_ids, kind=TokenEvent.Kind.ASKED).order_by("at", "id")
    return dict(asked.values_list("token_id", "at"))


def _row(account: Account, entry: AccountToken, place: int, names: NameVisibility, now: datetime) -> PoolRow:
    token = entry.token
    active = account.active_token_id == token.pk
    added_by = entry.added_by if entry.added_by_id != token.consented_by_id else None
    return PoolRow(
        entry=entry,
        place=place,
        name=names.token(token, account),
        native_name=token.native_user_name if names.sees_token(token, account) else "",
        linked_by=names.user(added_by),
        state=entry.state_in_pool(active=active, doubted=entry.is_in_doubt),
        short=_short(entry, names, active=active),
        deadline=pool_queries.deadline_facts(token, usable=entry.is_usable, now=now),
        dates=date_lines(token, account.channel, now),
        permissions=permissions_said(token, account.channel),
        publishing=_publishing(entry),
        checked=_checked(entry),
        active=active,
    )


def _short(entry: AccountToken, names: NameVisibility, *, active: bool) -> str:
    if entry.token.is_removed and entry.token.removed_by is not None:
        return say("removed_by", who=names.user(entry.token.removed_by))
    short = entry.explain().short
    if not short and entry.is_in_doubt:
        return reasons.explain(entry.account.channel, Token.DOUBTED).short
    if not short and entry.token.demoted_at is not None and not active:
        return reasons.explain(entry.account.channel, health.READING_REFUSED).short
    return short


def _publishing(entry: AccountToken) -> str:
    if entry.access == AccountToken.Access.LOST:
        return say("none_here")
    return " · ".join(part for part in (entry.role, say(f"publishes_{entry.can_publish}")) if part)


def _checked(entry: AccountToken) -> str:
    result = entry.token.last_check_result
    if not result:
        return ""
    if entry.token.state == Token.State.DEAD:
        return str(CHECK_WORDS[Verdict.TOKEN_DEAD])
    if result == Verdict.OK and entry.access == AccountToken.Access.LOST:
        return say("no_access")
    return str(next((word for verdict, word in CHECK_WORDS.items() if verdict == result), NO_ANSWER))


def _box(row: PoolRow, names: NameVisibility, asked_at: datetime | None, *, opened: int) -> Box | None:
    if not row.entry.reason:
        return None
    token, account = row.token, row.entry.account
    seen = names.sees_token(token, account)
    evidence = pretty(token.evidence) if seen and token.evidence else ""
    explanation = row.entry.explain(person=row.name)
    return Box(
        explanation=explanation,
        who=explanation.who if explanation.who.endswith(".") else f"{explanation.who}.",
        asked_at=asked_at if asked_at and asked_at > token.linked_at else None,
        evidence=evidence,
        opened=token.state == Token.State.DEAD or opened == token.pk,
    )


def _with_actions(
    row: PoolRow,
    viewer: User | AnonymousUser,
    names: NameVisibility,
    now: datetime,
    *,
    first: bool,
    last: bool,
) -> PoolRow:
    """Add the buttons: at most two beside the token, the others under "More"."""
    may = viewer.has_perm
    can_serve = not row.active and row.entry.is_usable
    ask = _ask(row, names) if may("tokens.ask_token") and not row.token.is_removed else None
    check = (
        _action(row, say("check_now"), "check", post=True, icon="refresh")
        if may("tokens.probe_token")
        else None
    )
    renew = _renew(row, now) if may("tokens.renew_token") else None
    activate = unlink = revoke = up = down = None
    if may("accounts.switch_active_token") and can_serve:
        activate = _action(row, say("make_active"), "activate", icon="bolt")
    if may("accounts.unlink_token"):
        unlink = _action(row, say("unlink"), "unlink", kind="danger", icon="delete")
    if may("tokens.revoke_token") and not row.token.is_removed:
        revoke = _revoke(row)
    if may("accounts.rank_token"):
        up = _move(row, "up", -1, refused=say("is_first") if first else "")
        down = _move(row, "down", 1, refused=say("is_last") if last else "")
    buttons = _first_two(row, ask=ask, check=check, activate=activate, steps=_steps(row), now=now)
    shown = {button.url for button in buttons}
    more = [
        replace(action, kind="danger" if action in (unlink, revoke) else "")
        for action in (activate, check, ask, renew, _copy_link(row.entry.account), unlink, revoke)
        if action and action.url not in shown
    ]
    return replace(row, buttons=buttons, more=more, up=up, down=down)


def _action(row: PoolRow, label: str, name: str, **more: Any) -> PoolAction:
    """Return the button of the page of this name for this token in this pool."""
    url = reverse(f"admin:accounts_account_token_{name}", args=[row.entry.account_id, row.token.pk])
    return PoolAction(label, url, **more)


def _ask(row: PoolRow, names: NameVisibility) -> PoolAction:
    account, dead = row.entry.account, row.token.state == Token.State.DEAD
    sees = names.sees_token(row.token, account)
    label = say("ask", who=names.first(row.token, account) if dead and sees else "")
    refused = rules.why_not(row.token) or rules.asking_is_vain(row.entry)
    return _action(row, label, "ask", kind="primary" if dead else "", icon="mail", refused=refused)


def _renew(row: PoolRow, now: datetime) -> PoolAction | None:
    """Return the button where something renews such a token without a person, grey where that cannot be asked now."""
    policy = row.token.renewal_policy
    if policy is None or row.token.state == Token.State.DEAD:
        return None
    why_not = say("no_end_to_move" if policy.exchange else "nothing_to_renew_with")
    refused = "" if row.token.can_renew(now) else why_not
    return _action(row, say("renew_now"), "renew", icon="sync", refused=refused)


def _revoke(row: PoolRow) -> PoolAction:
    back = reverse("admin:accounts_account_change", args=[row.entry.account_id])
    url = reverse("admin:tokens_token_revoke", args=[row.token.pk])
    return PoolAction(
        say("revoke_at", channel=declarations.label(row.token.app.channel)),
        f"{url}?{urlencode({'next': back})}",
        icon="block",
    )


def _move(row: PoolRow, where: str, step: int, *, refused: str) -> PoolAction:
    fields = [("step", str(step))]
    return _action(row, say(f"move_{where}", who=row.name), "move", post=True, fields=fields, refused=refused)


def _steps(row: PoolRow) -> PoolAction | None:
    """Return the link to the steps, where there are some and they are folded."""
    if row.box is None or row.box.opened:
        return None
    page = reverse("admin:accounts_account_change", args=[row.entry.account_id])
    return PoolAction(say("see_steps"), f"{page}?steps={row.token.pk}#steps-{row.token.pk}")


def _first_two(
    row: PoolRow,
    *,
    ask: PoolAction | None,
    check: PoolAction | None,
    activate: PoolAction | None,
    steps: PoolAction | None,
    now: datetime,
) -> list[PoolAction]:
    """Return the action that helps, then the second one."""
    token = row.token
    if token.state == Token.State.DEAD:
        only_appeal = row.box is not None and row.box.explanation.only_appeal
        wanted = [check] if only_appeal else [ask]
    elif row.box is not None and token.state == Token.State.VALID:
        wanted = [ask] if row.box.explanation.by_consent else [steps, check]
    elif row.active:
        due = within(token.deadline, AT_RISK, now=now, zone=timezone.get_current_timezone())
        wanted = [ask] if due else [check]
    else:
        wanted = [activate, check]
    return [action for action in wanted if action is not None]


def _copy_link(account: Account) -> PoolAction:
    link = addresses.absolute_url("reauthenticate", account.pk)
    return PoolAction(say("copy_link"), link, icon="copy", copy=link)

"""The deeds that have a confirm page: what the page says, and what is done."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.urls import reverse
from django.utils import timezone

from accounts import actions, selection, summary
from accounts.errors import DeedRefused
from accounts.models import Account, AccountToken
from accounts.name_visibility import HIDDEN, Names
from accounts.pool_reasons import READING_REFUSED
from portal import renewing
from tokens import reasons
from tokens.models import Token, TokenEvent
from ui.confirm import Page
from ui.dates import days_left, short_date
from ui.text import first_name


@dataclass(frozen=True)
class Done:
    """What to say afterwards, and where to undo it."""

    text: str
    undo: str = ""
    good: bool = True


@dataclass(frozen=True)
class Deed:
    """One deed: its address, its permission, its page, its effect (which may raise DeedRefused)."""

    slug: str
    permission: str
    page: Callable[[Account, Any, Names], Page]
    do: Callable[..., Done]


def _first(entry: AccountToken, account: Account, names: Names) -> str:
    name = names.first(entry.token, account)
    return "this token" if name == HIDDEN else name


def _left(entry: AccountToken) -> str:
    """Return "10 days left", or the words that replace it."""
    now, zone = timezone.now(), timezone.get_current_timezone()
    left = days_left(summary.deadline_of(entry.token, usable=True, now=now), now=now, zone=zone)
    return "date not available" if left.bar.kind == "unknown" else left.text


def _where(account: Account) -> str:
    return f"{account.name} on {account.get_channel_display()}"


def _active(account: Account) -> AccountToken | None:
    return next((one for one in account.pool.all() if one.token_id == account.active_token_id), None)


def _described(entry: AccountToken | None, account: Account, names: Names) -> str:
    return f"{names.token(entry.token, account)} · {_left(entry)}" if entry else "nobody"


# --- make active -----------------------------------------------------------------------------------------------------


def _activate_page(account: Account, entry: AccountToken, names: Names) -> Page:
    name, first, active = names.token(entry.token, account), _first(entry, account, names), _active(account)
    refused = ""
    if active is not None and active.token_id == entry.token_id:
        refused = f"Somebody was faster: {name} is active already."
    elif not selection.usable(entry):
        refused = f"{name} cannot be made active: the token is not usable now."
    elif selection.stands_back(entry, account.pool.all()):
        refused = reasons.explain(account.channel, READING_REFUSED, person=name).what
    undated = entry.token.deadline_kind == Token.DeadlineKind.UNKNOWN
    undo = f"make {_first(active, account, names)} active again" if active else "make another token active"
    return Page(
        question=f"Make {name} active?",
        lead=_where(account),
        button=f"Make {first} active",
        facts=[
            ("Now active", _described(active, account, names)),
            ("Then active", _described(entry, account, names)),
            ("Served", "to the next caller, at once"),
            ("Undo", undo),
        ],
        warning=f"{first[:1].upper()}{first[1:]}’s end date is unknown." if undated else "",
        warning_text="The account could stop without a warning." if undated else "",
        refused=refused,
    )


def _activate(*, account: Account, entry: AccountToken, names: Names, **kwargs: Any) -> Done:
    before = _active(account)
    kwargs.pop("seen")
    actions.make_active(account=account, token=entry.token, **kwargs)
    undo = ""
    if before is not None and selection.usable(before):
        undo = reverse("admin:accounts_account_token_activate", args=[account.pk, before.token_id])
    return Done(f"{names.first(entry.token, account)} is active now.", undo)


# --- unlink ------------------------------------------------------------------------------------------------------------


def _unlink_page(account: Account, entry: AccountToken, names: Names) -> Page:
    name, first = names.token(entry.token, account), _first(entry, account, names)
    others = [
        one for one in selection.in_order(account) if one.token_id != entry.token_id and selection.usable(one)
    ]
    last = selection.usable(entry) and not others
    was_active = account.active_token_id == entry.token_id
    then = _described(others[0], account, names) if others else "nobody"
    served = f"shifts to {then}" if was_active else "nothing changes"
    return Page(
        question=f"Unlink {name} from {account.name}?",
        lead=f"The log-in at {account.get_channel_display()} stays; only this account forgets it.",
        button=f"Unlink {first}",
        facts=[
            ("Usable now", str(len(others) + selection.usable(entry))),
            ("Usable then", str(len(others))),
            ("Served", "nothing any more" if last else served),
            ("Its other accounts", "keep it"),
            ("Undo", f"{first} links the account again by Add Account"),
        ],
        warning=f"This deactivates {account.name}." if last else "",
        warning_text="Nothing can be published until somebody re-authenticates." if last else "",
        danger=True,
        must_type=account.name if last else "",
    )


def _unlink(*, account: Account, entry: AccountToken, names: Names, **kwargs: Any) -> Done:
    kwargs.pop("seen")
    name = names.token(entry.token, account)
    actions.unlink(account=account, token=entry.token, **kwargs)
    return Done(f"{name} is unlinked from {account.name}.")


# --- ask ---------------------------------------------------------------------------------------------------------------


def last_ask(token: Token) -> TokenEvent | None:
    """Return when the person was last asked to renew this token, None where he has done so since."""
    asks = TokenEvent.objects.filter(token=token, kind=TokenEvent.Kind.ASKED, at__gt=token.linked_at)
    return asks.order_by("-at", "-id").first()


def _ask_page(account: Account, entry: AccountToken, names: Names) -> Page:
    token, name = entry.token, names.token(entry.token, account)
    first = "the person" if name == HIDDEN else first_name(name)
    before = last_ask(token)
    number = token.pool_entries.count()
    zone = timezone.get_current_timezone()
    asked = f"{short_date(before.at, zone=zone)}; the link is not used yet" if before else "not yet"
    address = (
        token.consented_by.email
        if token.consented_by and names.sees_token(token, account)
        else "their address"
    )
    return Page(
        question=f"Ask {'the person' if name == HIDDEN else name} to re-authenticate?",
        lead=_where(account),
        button=f"Ask {first} to re-authenticate",
        facts=[
            ("Mail", f"now, to {address}"),
            ("Asked before", asked),
            ("One re-authentication", f"renews {number} account{'' if number == 1 else 's'}"),
            ("Until then", "nothing changes; callers are served as now"),
        ],
        refused=actions.cannot_ask(token) or actions.asking_is_vain(entry),
        seen=str(before.pk) if before else "0",
    )


@transaction.atomic
def _ask(*, account: Account, entry: AccountToken, names: Names, seen: str, **kwargs: Any) -> Done:
    """Ask once: whoever pressed the button on the same page a moment ago was faster."""
    token = Token.objects.locked().get(pk=entry.token_id)
    before = last_ask(token)
    if str(before.pk if before else 0) != seen:
        raise DeedRefused("Somebody was faster: this person was just asked.")
    address = actions.ask_to_reauthenticate(account=account, token=entry.token, **kwargs)
    who = address if names.sees_token(entry.token, account) else "the person"
    return Done(f"Asked. A mail to {who} is on its way.")


# --- renew -------------------------------------------------------------------------------------------------------------


def _renew_page(account: Account, entry: AccountToken, names: Names) -> Page:
    name, label = names.token(entry.token, account), account.get_channel_display()
    return Page(
        question=f"Renew the token of {name} now?",
        lead=_where(account),
        button="Renew now",
        facts=[
            ("Now", _left(entry)),
            ("Then", f"what {label} answers; the date may stay as it is"),
            ("Served", "the new token, from the next call on"),
            ("Undo", "not possible, and not needed"),
        ],
        refused=f"Only {name} can bring it back: it has stopped."
        if entry.token.state == Token.State.DEAD
        else "",
        ask_why=False,
    )


def _renew(*, entry: AccountToken, actor: Any, now: datetime, **_kwargs: Any) -> Done:
    if entry.token.state == Token.State.DEAD:
        raise DeedRefused("Only a new log-in of the person can bring it back: it has stopped.")
    renewal = renewing.renew(token=entry.token, actor=actor, now=now)
    return Done(renewal.text, good=renewal.moved)


# --- pause and resume -----------------------------------------------------------------------------------------------------


def _pause_page(account: Account, _entry: None, _names: Names) -> Page:
    return Page(
        question=f"Pause {account.name}?",
        lead=f"On purpose, by staff. {account.get_channel_display()} is not told.",
        button="Pause this account",
        facts=[
            ("Now", account.get_state_display()),
            ("Then", "Paused"),
            ("Served", "nothing, until somebody resumes it"),
            ("Warnings", "none while it is paused"),
            ("Undo", "Resume this account"),
        ],
        refused="Somebody was faster: the account is paused already." if account.paused_at else "",
    )


def _pause(*, account: Account, entry: None, names: Names, seen: str, **kwargs: Any) -> Done:  # noqa: ARG001  # the shape of all deeds
    actions.pause(account=account, **kwargs)
    return Done(f"{account.name} is paused.", reverse("admin:accounts_account_resume", args=[account.pk]))


def _resume_page(account: Account, _entry: None, _names: Names) -> Page:
    usable = sum(selection.usable(one) for one in account.pool.all())
    return Page(
        question=f"Resume {account.name}?",
        lead=_where(account),
        button="Resume this account",
        facts=[
            ("Now", "Paused"),
            (
                "Then",
                f"{usable} usable token{'' if usable == 1 else 's'}"
                if usable
                else "no usable token: somebody has to re-authenticate",
            ),
            ("Served", "to the next caller, at once" if usable else "nothing yet"),
            ("Undo", "Pause this account"),
        ],
        refused="" if account.paused_at else "Somebody was faster: the account is no longer paused.",
    )


def _resume(*, account: Account, entry: None, names: Names, seen: str, **kwargs: Any) -> Done:  # noqa: ARG001  # the shape of all deeds
    actions.resume(account=account, **kwargs)
    return Done(f"{account.name} is resumed.")


TOKEN_DEEDS: Sequence[Deed] = (
    Deed("activate", "accounts.switch_active_token", _activate_page, _activate),
    Deed("unlink", "accounts.unlink_token", _unlink_page, _unlink),
    Deed("ask", "tokens.ask_token", _ask_page, _ask),
    Deed("renew", "tokens.renew_token", _renew_page, _renew),
)
ACCOUNT_DEEDS: Sequence[Deed] = (
    Deed("pause", "accounts.pause_account", _pause_page, _pause),
    Deed("resume", "accounts.resume_account", _resume_page, _resume),
)

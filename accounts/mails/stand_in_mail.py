"""The mail to whoever stands in when a log-in stops whose person cannot be told: a team lead, else the operators."""

from collections.abc import Sequence
from typing import Any
from zoneinfo import ZoneInfo

from django.template.loader import render_to_string
from django.utils import timezone

from accounts import readers, summary
from accounts.models import Account, AccountToken
from accounts.name_visibility import Names, person_name
from accounts.summary import Summary
from notifications import clean
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens import reasons
from tokens.channels import registry
from tokens.models import Token
from ui import addresses, dates, pills
from ui.text import join_names, mid
from users.models import Team, User
from users.recipients import Via

SHOWN = 10


def build(message: Message, token: Token) -> Mail:
    """Build the mail. Raises NotWanted where the person can be told now, or the reader is no longer the stand-in."""
    via, teams = Via(message.payload["via"]), tuple(message.payload["teams"])
    wanted = {(reader.address, reader.via) for reader in readers.of_token(token)}
    if (message.recipient, via) not in wanted:
        raise NotWanted("Somebody else can be told now, or this address is no longer the stand-in.")
    found, total = _accounts(token, teams)
    if not found:
        raise NotWanted("The log-in is no longer linked to any account of these teams.")
    user = User.objects.filter(email=message.recipient, is_active=True).first()
    zone = user.zone if user else timezone.get_default_timezone()
    with timezone.override(zone):
        context = _context(token, via, teams, found, total, user, zone)
        context["why_url"] = addresses.of("why_message", message.pk) if user else ""
        text = render_to_string("mail/stand_in/body.txt", context)
        html = render_to_string("mail/stand_in/body.html", context)
    return Mail(subject=clean.line(context["subject"]), text=text, html=html)


def _accounts(token: Token, teams: Sequence[int]) -> tuple[list[Summary], int]:
    """Return the first accounts of these teams that hang on the log-in, those that stopped first, and how many there are."""
    ids = AccountToken.objects.filter(token=token).values("account_id")
    accounts = Account.objects.filter(pk__in=ids, team__in=teams)
    return summary.first_of(accounts, timezone.now(), count=SHOWN), accounts.count()


def _dark(one: Summary) -> bool:
    return one.account.state == Account.State.DEACTIVATED


def _context(
    token: Token,
    via: Via,
    teams: Sequence[int],
    found: Sequence[Summary],
    total: int,
    user: User | None,
    zone: ZoneInfo,
) -> dict[str, Any]:
    names = Names(user)
    first, label = found[0], registry.get(token.app.channel).label
    more = f" (+{total - 1} more)" if total > 1 else ""
    room = clean.SUBJECT_LENGTH - len(more) - len(" is deactivated: nobody can be asked")
    name = first.account.name if len(first.account.name) <= room else f"{first.account.name[: room - 1]}…"
    what = f"{name} is deactivated: nobody can be asked"
    if not _dark(first):
        what = f"{name} has lost a backup for good"
    because = {
        Via.TEAM_LEAD: "You get this because you lead the team, and whoever linked the account cannot be told.",
        Via.OPERATOR: "You get this because you are an operator of AdToken, and nobody else can be told.",
    }[via]
    return {
        "subject": what + more,
        "heading": f"A {label} log-in stopped, and its person cannot be told",
        "lead": _lead(token, via, teams, first, names),
        "preheader": "Somebody else with access has to link it.",
        "account": _card(token, found, total, names, zone),
        "because": because,
        "about_label": f"How long authorisations last at {label}",
        "about_url": addresses.of("channel_page", token.app.channel) if user else "",
    }


def _lead(token: Token, via: Via, teams: Sequence[int], first: Summary, names: Names) -> str:
    name = first.account.name
    stops = (
        f"Nothing can be published on {name} until somebody links it."
        if _dark(first)
        else f"{name} goes on through {first.active_name(names) or 'another log-in'}."
    )
    known = token.consented_by is not None and names.sees_token(token, first.account)
    person = names.token(token, first.account) if known else "Whoever linked it"
    left = _why_not_told(token)
    named = join_names(list(Team.objects.filter(pk__in=teams).values_list("name", flat=True)))
    why = f"so this comes to you as team lead of {named}."
    if via == Via.OPERATOR:
        why = f"and {named} has no team lead, so this comes to the operators."
    return f"{stops} {person} {left}, {why}"


def _why_not_told(token: Token) -> str:
    person = token.consented_by
    if person is None:
        return "is not known here"
    return "cannot be reached by e-mail" if person.is_active else "cannot log in any more"


def _card(token: Token, found: Sequence[Summary], total: int, names: Names, zone: ZoneInfo) -> dict[str, Any]:
    first, native = found[0], registry.get(token.app.channel)
    told = reasons.explain(
        native.key,
        token.reason,
        person=names.token(token, first.account),
        account=first.account.name,
        you=False,
    )
    rows = [
        ("State", _state(first, names)),
        ("Stopped", dates.moment(token.state_since, zone=zone).full),
        ("Why", told.what),
    ]
    if names.sees_token(token, first.account):
        rows.append(("Log-in", token.native_user_name or person_name(token)))
    if len(found) > 1:
        also = [f"{one.account.name} ({mid(_state(one, names, short=True))})" for one in found[1:]]
        rest = total - len(found)
        rows.append(("Also", ", ".join(also) + (f" and {rest} more" if rest > 0 else "")))
    return {
        "channel": native.key,
        "channel_name": native.label,
        "name": first.account.name,
        "native_id": first.account.native_id,
        "pill": pills.pill("account", first.health),
        "rows": rows,
        "steps": (
            f"Find somebody who has access to the account at {native.label}. That may be you.",
            "Have them open the account in AdToken and link it.",
        ),
        "button": {"label": "Open the account", "url": addresses.of("open_account", first.account.pk)},
    }


def _state(one: Summary, names: Names, *, short: bool = False) -> str:
    if _dark(one):
        return "Deactivated" if short else "Deactivated: nothing can be published"
    if one.active:
        return f"Goes on through {one.active_name(names)}"
    return dates.days_left(one.deadline, now=timezone.now(), zone=timezone.get_current_timezone()).text

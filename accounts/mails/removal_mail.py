"""The mail about a log-in that was removed on purpose: to its person, unless he did it, and at once to whoever looks after what stopped."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.template.loader import render_to_string
from django.utils import timezone

from accounts import summary
from accounts.models import Account, AccountToken
from accounts.name_visibility import ADMINISTRATOR, HIDDEN, Names
from accounts.summary import Summary
from accounts.telling import notices
from notifications import clean, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens.channels import registry
from tokens.models import Token
from ui import addresses, dates, pills
from ui.text import mid
from users import refused_addresses
from users.models import Team, User
from users.recipients import fallback

KIND = "removed"
SHOWN = 10


def tell(*, token: Token, actor: User, now: datetime) -> None:
    """Write the messages, in the transaction of the removal, after the pools were settled. The actor knows, and gets none."""
    token.refresh_from_db(fields=["generation"])
    _write(token, actor, now)


def record_end(message: Message) -> None:
    """Note whom the mail told. Where the mail server refuses a lead's address, whoever stands in is told, in the same transaction."""
    notices.record_stop_told(message)
    if message.state == Message.State.FAILED and refused_addresses.is_refused(message.recipient):
        token = (
            Token.objects.select_related("app", "consented_by").filter(pk=message.payload["token"]).first()
        )
        actor = User.objects.filter(pk=message.payload["actor"]).first()
        if token is not None and token.is_removed and token.generation == message.payload["generation"]:
            _write(token, actor, timezone.now())


def _write(token: Token, actor: User | None, now: datetime) -> None:
    """Write the messages that were not written yet: to each reader about the teams that he was not told of."""
    teams_of: dict[str, list[int]] = defaultdict(list)
    stopped = Account.objects.filter(pool__token=token, state=Account.State.DEACTIVATED, reason=Token.REMOVED)
    for team_id, told in fallback(stopped.values_list("team", flat=True).distinct()).items():
        for address in told.addresses:
            teams_of[address].append(team_id)
    person = token.consented_by
    if person is not None and person.is_active and token.pool_entries.exists():
        teams_of[person.email] = []  # all of his own
    if actor is not None:
        teams_of.pop(actor.email, None)
    removal = f"removed:{token.pk}:{token.generation}:"
    before = _told(removal)
    for address, all_teams in teams_of.items():
        teams = sorted(set(all_teams) - before.get(address, set()))
        if address in before and not teams:
            continue
        outbox.enqueue(
            kind=KIND,
            recipient=address,
            team=Team.objects.get(pk=teams[0]) if len(teams) == 1 else None,
            dedupe_key=f"{removal}{address}" + (f":{teams[0]}" if address in before else ""),
            payload={
                "token": token.pk,
                "generation": token.generation,
                "teams": teams,
                "actor": actor.pk if actor else None,
            },
            now=now,
        )


def _told(removal: str) -> dict[str, set[int]]:
    """Return reader -> teams that messages about this removal were written about; of the person himself, none: it is about all."""
    told: dict[str, set[int]] = defaultdict(set)
    written = Message.objects.filter(kind=KIND, dedupe_key__startswith=removal)
    for address, payload in written.values_list("recipient", "payload"):
        told[address].update(payload["teams"])
    return told


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the person has linked the log-in again since, or no account uses it any more."""
    token = Token.objects.select_related("app", "consented_by").filter(pk=message.payload["token"]).first()
    if token is None or token.generation != message.payload["generation"] or not token.is_removed:
        raise NotWanted("The log-in was linked again before this mail went out.")
    reader = User.objects.filter(email=message.recipient, is_active=True).first()
    own = reader is not None and reader.pk == token.consented_by_id
    accounts = _accounts(token, [] if own else message.payload["teams"])
    found = summary.first_of(accounts, timezone.now(), count=SHOWN)
    if not found:
        raise NotWanted("The log-in is no longer linked to any account.")
    actor = User.objects.filter(pk=message.payload["actor"]).first()
    zone = reader.zone if reader else timezone.get_default_timezone()
    names = Names(reader)
    with timezone.override(zone):
        context = _context(token, accounts, found, names, actor, own=own, zone=zone)
        context["why_url"] = addresses.of("why_message", message.pk) if reader else ""
        text = render_to_string("mail/removed/body.txt", context)
        html = render_to_string("mail/removed/body.html", context)
    named = actor is not None and actor.is_active and names.user(actor) == str(actor)
    reply_to = actor.email if actor is not None and named else ""  # whose name is hidden is not written to
    return Mail(subject=clean.line(context["subject"]), text=text, html=html, reply_to=reply_to)


def _accounts(token: Token, teams: Sequence[int]) -> QuerySet[Account]:
    """Return what hung on the log-in; of certain teams, what stopped alone."""
    accounts = Account.objects.filter(pk__in=AccountToken.objects.filter(token=token).values("account_id"))
    return accounts.filter(team__in=teams, state=Account.State.DEACTIVATED) if teams else accounts


def _dark(one: Summary) -> bool:
    return one.account.state == Account.State.DEACTIVATED


def _context(
    token: Token,
    accounts: QuerySet[Account],
    found: Sequence[Summary],
    names: Names,
    actor: User | None,
    *,
    own: bool,
    zone: ZoneInfo,
) -> dict[str, Any]:
    first, native = found[0], registry.get(token.app.channel)
    who = names.user(actor)
    who = who if who not in {"", HIDDEN} else ADMINISTRATOR
    whose = "your" if own else "a"
    person = "" if own else names.token(token, first.account)
    dark = accounts.filter(state=Account.State.DEACTIVATED).count()
    stops = (
        f"{dark} account{' has' if dark == 1 else 's have'} stopped." if dark else "All its accounts go on."
    )
    rows = [
        ("State", _state(first, names)),
        ("Removed", dates.moment(token.state_since, zone=zone).full),
    ]
    rows.append(("Log-in", token.native_user_name if own else person))
    if len(found) > 1:
        also = [f"{one.account.name} ({mid(_state(one, names, short=True))})" for one in found[1:]]
        more = accounts.count() - len(found)
        rows.append(("Also", ", ".join(also) + (f" and {more} more" if more > 0 else "")))
    return {
        "subject": f"{who} removed {whose} {native.label} log-in from AdToken",
        "heading": f"{'Your' if own else 'A'} {native.label} log-in was removed",
        "lead": f"{who} removed it from AdToken on purpose. {stops} Nothing is published through it from now on.",
        "preheader": stops,
        "account": {
            "channel": native.key,
            "channel_name": native.label,
            "name": first.account.name,
            "native_id": first.account.native_id,
            "pill": pills.pill("account", first.health),
            "rows": rows,
            "steps": [
                _way_back(first, own=own),
                f"Was it a mistake? Ask {mid(who) if who == ADMINISTRATOR else who}.",
            ],
            "button": {"label": "Open the account", "url": addresses.of("open_account", first.account.pk)},
        },
        "because": f"You get this because you linked this {native.label} log-in."
        if own
        else "You get this because you look after accounts that stopped.",
    }


def _way_back(first: Summary, *, own: bool) -> str:
    if not _dark(first):
        return "There is nothing to do. You can link the log-in again at any time."
    if own:
        return "If it should go on, open the account in AdToken and link it again."
    return "If it should go on, somebody with access to the ad account opens it in AdToken and links it."


def _state(one: Summary, names: Names, *, short: bool = False) -> str:
    if _dark(one):
        return "Deactivated" if short else "Deactivated: nothing can be published"
    return f"Goes on through {one.active_name(names) or 'another log-in'}"

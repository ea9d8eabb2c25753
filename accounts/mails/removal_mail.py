"""The mail about log-ins that were removed on purpose: to their person, unless he did it, and to whoever looks after what stopped."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime

from django.db.models import Q, QuerySet
from django.utils import timezone

from accounts import summary
from accounts.mails.account_rows import Rows, row_of
from accounts.models import Account, AccountToken
from accounts.telling import notices
from notifications import composing, outbox
from notifications.kinds import Mail, NotWanted
from notifications.models import Message
from tokens.channels import declarations
from tokens.models import Token
from ui import addresses, dates
from ui.text import join_names
from users import refused_addresses
from users.models import Team, User
from users.recipients import fallback
from users.visibility import names_for

KIND = "removed"
SHOWN = 10
_STOPPED = Q(state=Account.State.DEACTIVATED, reason=Token.REMOVED)  # by it, and not dark long before


def tell(*, tokens: Sequence[Token], actor: User, now: datetime) -> None:
    """Write the messages, in the transaction of the (last) removal, after the pools were settled. The actor knows, and gets none."""
    for token in tokens:
        token.refresh_from_db(fields=["generation"])
    _write(tokens, actor, now)


def record_end(message: Message) -> None:
    """Note whom the mail told. Where the mail server refuses a lead's address, whoever stands in is told, in the same transaction."""
    notices.record_stop_told(message)
    if message.state == Message.State.FAILED and refused_addresses.is_refused(message.recipient):
        _write(_removed(message), _actor(message), timezone.now())


def _write(tokens: Sequence[Token], actor: User | None, now: datetime) -> None:
    """Write the messages that were not written yet: to each reader about teams that he was not told of. The log-ins are one person's."""
    if not tokens:
        return
    teams_of: dict[str, list[int]] = defaultdict(list)
    stopped = Account.objects.filter(_STOPPED, pool__token__in=tokens)
    for team_id, told in fallback(stopped.values_list("team", flat=True).distinct()).items():
        for address in told.addresses:
            teams_of[address].append(team_id)
    first, person = tokens[0], tokens[0].consented_by
    if (
        person is not None
        and person.is_active
        and AccountToken.objects.filter(token__in=[one.pk for one in tokens]).exists()
    ):
        teams_of[person.email] = []  # all of his own
    if actor is not None:
        teams_of.pop(actor.email, None)
    removal = f"removed:{first.pk}:{first.generation}:"
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
                "token": first.pk,
                "generation": first.generation,
                "tokens": [one.pk for one in tokens],
                "generations": [one.generation for one in tokens],
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


def _removed(message: Message) -> list[Token]:
    """Return the log-ins that the message is about, those that are still removed as they were then."""
    ids = message.payload.get("tokens") or [message.payload["token"]]
    generations = message.payload.get("generations") or [message.payload["generation"]]
    found = Token.objects.select_related("app", "consented_by").in_bulk(ids)
    rows = [(found.get(pk), generation) for pk, generation in zip(ids, generations, strict=True)]
    return [
        one for one, generation in rows if one is not None and one.is_removed and one.generation == generation
    ]


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the person has linked the log-in again since, no account still uses it, or the person has
    another address.
    """
    tokens = _removed(message)
    if not tokens:
        raise NotWanted("linked_again")
    token, reader = tokens[0], composing.reader_of(message)
    own = reader.user is not None and reader.user.pk == token.consented_by_id
    if not own and not message.payload["teams"]:  # it was to the person
        raise NotWanted("other_address")
    accounts = _accounts(tokens, [] if own else message.payload["teams"])
    found = summary.first_of(accounts, timezone.now(), count=SHOWN)
    if not found:
        raise NotWanted("not_linked")
    names = names_for(reader.user)
    actor = _actor(message)
    named = actor is not None and names.user(actor) == str(actor)  # whose name is hidden is not written to
    facts = {
        "actor": str(actor) if named else "",
        "own": own,
        "number": len(tokens),
        "channels": join_names(
            [str(one) for one in {declarations.label(one.app.channel): 1 for one in tokens}]
        ),
        "channel": declarations.label(token.app.channel),
        "account_channel": found[0].account.get_channel_display(),
        "channel_key": found[0].account.channel,
        "rows": Rows(
            [row_of(one, carrier=one.active_name(names), zone=reader.zone) for one in found], accounts.count()
        ),
        "stopped": accounts.filter(_STOPPED).count(),
        "removed_at": dates.moment(token.state_since, zone=reader.zone).full,
        "log_in": token.native_user_name if own else names.token(token, found[0].account),
        "url": addresses.absolute_url("open_account", found[0].account.pk),
    }
    reply_to = actor.email if actor is not None and named and actor.is_active else ""
    return composing.compose(KIND, message, reader, facts, reply_to=reply_to)


def _actor(message: Message) -> User | None:
    return User.objects.filter(pk=message.payload["actor"]).first()


def _accounts(tokens: Sequence[Token], teams: Sequence[int]) -> QuerySet[Account]:
    """Return the accounts that used the log-ins; of certain teams, only those that stopped."""
    used = AccountToken.objects.filter(token__in=[one.pk for one in tokens])
    accounts = Account.objects.filter(pk__in=used.values("account_id"))
    return accounts.filter(_STOPPED, team__in=teams) if teams else accounts

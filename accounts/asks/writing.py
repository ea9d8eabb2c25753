"""Writing asks with their lines, and the mails about them: the one place for all that people are asked."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from accounts.asks.models import Ask, AskLine
from accounts.models import Account
from notifications.outbox import services as outbox
from tokens.models import Token
from users.models import Team, User


def team_of(tokens: Sequence[Token], teams: tuple[int, ...] = ()) -> Team | None:
    """Return the team that a mail about the log-ins' accounts (of these teams) belongs to; None where it tells of several.

    The team decides which staff may read the mail.
    """
    ids = set(teams) or {team_id for token in tokens for team_id in _team_ids(token)}
    return Team.objects.filter(pk__in=ids).first() if len(ids) == 1 else None


def _team_ids(token: Token) -> list[int]:
    return list(token.pool_entries.order_by().values_list("account__team", flat=True).distinct())


KIND, DONE = "ask", "ask_done"  # kinds of mail: what is asked, and what came of it


def line_of(account: Account, token: Token | None = None) -> AskLine:
    """Return the line, of no ask yet, that asks for an account; `token`: for this log-in to back it up."""
    facts = {"channel": account.channel, "native_id": account.native_id, "name": account.name}
    return AskLine(account=account, token=token, **facts)


def begin_ask(lines: Iterable[AskLine], **facts: Any) -> Ask:
    """Write an ask with these lines, in the caller's transaction. `facts` are those of `Ask`. It mails nobody."""
    ask = Ask.objects.create(**facts)
    rows = list(lines)
    for line in rows:
        line.ask = ask
    AskLine.objects.bulk_create(rows, batch_size=1_000)
    return ask


def write_mail(
    kind: str, *, to: User | str, key: str, now: datetime, team: Team | None = None, **about: Any
) -> str:
    """Write one mail in the caller's transaction, once for each `key` and address. Returns its dedupe key.

    `to`: a person, whom it follows to a new address; or an address, where it stays. `about`: the ids that `accounts.asks.mails` builds it
    from, of asks, log-ins and accounts, by which `accounts.message_history` finds it.
    """
    person = {"user": to.pk} if isinstance(to, User) else {}
    address = to.email if isinstance(to, User) else to
    key = f"{kind}:{key}:{address}"
    outbox.enqueue(
        kind=kind, recipient=address, dedupe_key=key, team=team, payload={**about, **person}, now=now
    )
    return key

"""Taking what answers say against log-ins, and what refutes or proves it. The only writer of `Doubt` and of `Token.look_again_at`.

Whoever calls holds the token's lock, saves the token, and writes what is true.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count

from tokens.channels.kinds import Classification, Reason
from tokens.doubts.models import Doubt, DoubtQuerySet
from tokens.models import Token
from tokens.token.queries import TokenQuerySet

TOLD_FROM = 3  # log-ins of an app in a day
PUSH = "push"  # the source of a question that a signed push of the channel made us ask
Kind = Doubt.Kind
OF_ACCOUNTS = (Kind.ACCESS, Kind.RESTRICTION)
# When what a channel says against a log-in is asked again, and when it is true.
AGAIN = (
    timedelta(minutes=1),  # the other log-ins that were asked at once have answered
    timedelta(minutes=2),  # and so have those that were held at first, and asked at the first look
    timedelta(minutes=15),
    timedelta(hours=1),
    timedelta(hours=3),
    timedelta(hours=8),
    timedelta(hours=24),
)
TRUE_AFTER = timedelta(hours=3)  # where nobody contradicts it
TRUE_AFTER_ALONE = timedelta(minutes=15)  # where the app has no other log-in that could
TRUE_AFTER_VAGUE = timedelta(hours=72)  # where the answer may mean something else too


def next_look(began_at: datetime, now: datetime) -> datetime | None:
    """Return when it is asked again; None after the last time, when ordinary checks go on."""
    return next((began_at + wait for wait in AGAIN if began_at + wait > now), None)


@dataclass(frozen=True)
class Said:
    """What an answer says; `reason` where it is not the classification's own."""

    classification: Classification
    evidence: Mapping[str, Any] = field(default_factory=dict)
    reason: str = ""
    proves: bool = True  # it says so clearly
    conclusive: bool = True  # it rests on the channel's table; what no table knows proves nothing, ever


def is_true(doubt: Doubt, said: Said, now: datetime, *, alone: bool) -> bool:
    """Return whether what was said again at `now` is to be believed. `alone`: the app has no other log-in to ask."""
    lasted = now - doubt.began_at
    if doubt.believed_at is not None:
        return True
    if not said.proves:
        return said.conclusive and lasted >= TRUE_AFTER_VAGUE
    return doubt.others_work_at is not None or lasted >= (TRUE_AFTER_ALONE if alone else TRUE_AFTER)


def take_doubts(
    token: Token, kind: Kind, said: Mapping[str, Said], *, now: datetime, source: str
) -> frozenset[str]:
    """Take answers against a log-in, by ad account ("": the log-in itself). Return those that are true now; the others are doubted."""
    if not said:
        return frozenset()
    known = {one.about: one for one in token.doubts.open().filter(kind=kind, about__in=list(said))}
    rows = [known.get(about) or _new(token, kind, about, now, source) for about in said]
    for row in rows if source == PUSH else ():
        row.believed_at = row.believed_at or now  # the channel said so of itself, and says it again
    others = _others(token, kind)
    alone = not others.exists()
    for row in rows:
        answer = said[row.about]
        row.reason = str(answer.reason or answer.classification.reason or Reason.UNKNOWN)[:40]
        row.row, row.evidence = answer.classification.row[:200], dict(answer.evidence)
        if row.true_at is None and is_true(row, answer, now, alone=alone):
            row.true_at = now
    Doubt.objects.bulk_create(row for row in rows if row.pk is None)
    Doubt.objects.bulk_update(known.values(), ["reason", "row", "evidence", "believed_at", "true_at"])
    if any(row.true_at is None and row.others_work_at is None for row in rows):
        others.ask_some(now)  # one that is held may be asked by the next look
    _set_next_look(token, now)
    return frozenset(row.about for row in rows if row.true_at is not None)


def refute_doubts(
    token: Token, kinds: Iterable[Kind], now: datetime, *, about: Collection[str] | None = None
) -> None:
    """Take an answer that shows the contrary, of these ad accounts or (None) of all that was said in this way."""
    rows = token.doubts.open().filter(kind__in=list(kinds))
    if about is not None:
        rows = rows.filter(about__in=list(about))
    if rows.update(ended_at=now) or token.look_again_at is not None:
        _set_next_look(token, now)


def prove_doubts(token: Token, kinds: Collection[Kind], *, asked_at: datetime) -> None:
    """Take a good answer about this log-in as proof of what is said against others of its app since before it was asked."""
    others = Doubt.objects.undecided().filter(
        app=token.app_id, kind__in=kinds, began_at__lt=asked_at, others_work_at=None
    )
    # Whoever holds one is writing down an answer about it; the next good answer proves that one.
    rows = others.exclude(token=token).order_by("pk").select_for_update(skip_locked=True, no_key=True)
    ids = list(rows.values_list("pk", flat=True))
    if ids:
        Doubt.objects.filter(pk__in=ids).update(others_work_at=asked_at)


def save_next_look(token: Token) -> None:
    """Save when the log-in is asked again, and have it asked no later. For answers that write nothing else of it."""
    if token.look_again_at is not None and (token.due_at is None or token.due_at > token.look_again_at):
        token.due_at, token.due_for = token.look_again_at, Token.DueFor.PROBE
    token.save(update_fields=["look_again_at", "due_at", "due_for"])


def believe_doubts(*, app_id: int, now: datetime) -> int:
    """Note that an operator believes all that is doubted of an app, and have it asked once more at once. Returns how many log-ins."""
    doubted = Doubt.objects.undecided().filter(app=app_id)
    tokens = set(doubted.values_list("token", flat=True))
    doubted.update(believed_at=now)
    Token.objects.filter(pk__in=tokens).make_due(now)
    return len(tokens)


def apps_in_doubt(app_ids: Collection[int]) -> set[int]:
    """Return those of these apps of whose log-ins something is doubted: what is answered well there may prove it."""
    return set(Doubt.objects.undecided().filter(app__in=app_ids).values_list("app", flat=True))


def apps_of_many(said: DoubtQuerySet) -> list[int]:
    """Return the ids of the apps of which these doubts are about so many log-ins that operators are to hear of it."""
    by_app = said.order_by("app").values("app").annotate(log_ins=Count("token", distinct=True))
    return list(by_app.filter(log_ins__gte=TOLD_FROM).values_list("app", flat=True))


def count_answers(said: DoubtQuerySet) -> list[tuple[str, int]]:
    """Return which answers these were: row of the channel's table and number of log-ins, the most frequent first."""
    counted = said.order_by().values_list("row").annotate(number=Count("token", distinct=True))
    return list(counted.order_by("-number", "row"))


def _new(token: Token, kind: Kind, about: str, now: datetime, source: str) -> Doubt:
    return Doubt(token=token, app_id=token.app_id, kind=kind, about=about, began_at=now, source=source)


def _others(token: Token, kind: Kind) -> TokenQuerySet:
    """Return the other log-ins of the app, which show whether the channel says the same of everybody."""
    others = Token.objects.others_of_app(token).living()
    if kind not in OF_ACCOUNTS:
        return others
    linked = Token.objects.filter(app=token.app_id, pool_entries__isnull=False)
    return others.filter(pk__in=linked.values("pk"))


def _set_next_look(token: Token, now: datetime) -> None:
    """Set when the log-in is asked again for what is said against it. What was true at the last time is over as a doubt."""
    looks = []
    for row in token.doubts.open():
        look = next_look(row.began_at, now)
        if look is not None:
            looks.append(look)
        elif row.true_at is not None or row.kind in OF_ACCOUNTS:  # nobody spoke of it for a day
            Doubt.objects.filter(pk=row.pk).update(ended_at=now)
    token.look_again_at = min(looks, default=None)

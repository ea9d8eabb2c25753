"""Moving accounts to another team, and back to where each came from."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from accounts import asks_of_moved, deeds, moves, pool
from accounts.deed_rows import Outcome, Result, done_before, in_order
from accounts.errors import ActionRefused
from accounts.mails import outside_mail
from accounts.models import Account, AccountEvent, Deed
from accounts.pool_reasons import OUTSIDE
from users.models import Team
from users.visibility import teams_of


def move(deed: Deed, keys: Sequence[int], now: datetime) -> list[Result]:
    """Move to the team `deed.subject_id` what is not there. Raises ActionRefused where the person may give nothing to it, or it is gone."""
    team = teams_of(deed.user).filter(pk=deed.subject_id).first()
    if team is None:
        raise ActionRefused("no_such_team")
    found = deeds.locked(deed, keys)
    there = {one.pk: Result.skips(one.pk, "in_team_already") for one in found if one.team_id == team.pk}
    moved = [one for one in found if one.team_id != team.pk]
    came_from = {one.pk: one.team_id for one in moved}
    stopped = _move(deed, moved, dict.fromkeys(came_from, team), now)
    results = {
        pk: Result.done(pk, "stopped_there" if pk in stopped else "", team=team_id)
        for pk, team_id in came_from.items()
    }
    return in_order(keys, there | results)


def undo(deed: Deed, keys: Sequence[int], now: datetime) -> list[Result]:
    """Move back to its former team what nobody moved since."""
    before = done_before(deed, keys)
    found = deeds.locked(deed, keys)
    teams = teams_of(deed.user).in_bulk({row.facts["team"] for row in before.values()})
    moves = AccountEvent.objects.filter(account__in=before, kind=AccountEvent.Kind.MOVED)
    moved_since = {
        pk for pk, at in moves.values_list("account_id", "at") if pk in before and at > before[pk].at
    }
    results, to = dict[int, Result](), dict[int, Team]()
    for one in found:
        team = teams.get(before[one.pk].facts["team"])
        if one.pk in moved_since or one.team_id != deed.subject_id:
            results[one.pk] = Result.skips(one.pk, "moved_since")
        elif team is None:
            results[one.pk] = Result.skips(one.pk, "former_team_gone")
        else:
            to[one.pk] = team
    stopped = _move(deed, [one for one in found if one.pk in to], to, now)
    results |= {pk: Result.done(pk, "stopped_there" if pk in stopped else "") for pk in to}
    return in_order(keys, results)


def finish(deed: Deed, now: datetime) -> None:
    """End what was asked for what moved, and tell the leads of teams that take log-ins of their own people only what stopped there."""
    done = deed.rows.filter(outcome=Outcome.DONE)
    moved = Account.objects.filter(pk__in=done.values("key"))
    outside_mail.tell_of_move(moved=moved, since=deed.created_at, actor=deed.user)
    asks_of_moved.end(moved=moved, since=deed.created_at, actor=deed.user, now=now)


def _move(deed: Deed, accounts: Sequence[Account], to: Mapping[int, Team], now: datetime) -> set[int]:
    """Move each to its new team, with one event. Return those that stopped there: the team takes log-ins of its own people only."""
    events = [
        AccountEvent(
            account=one,
            kind=AccountEvent.Kind.MOVED,
            from_team_id=one.team_id,
            to_team=to[one.pk],
            source="staff",
            actor=deed.user,
            note=deed.note,
            at=now,
        )
        for one in accounts
    ]
    lived = [one.pk for one in accounts if one.state != Account.State.DEACTIVATED]
    for one in accounts:
        one.team = to[one.pk]
    Account.objects.bulk_update(accounts, ["team"])
    AccountEvent.objects.bulk_create(events)
    pool.settle(
        account_ids=[one.pk for one in accounts],
        cause=OUTSIDE,
        now=now,
        source="staff",
        actor=deed.user,
        note=deed.note,
    )
    moves.follow(account_ids=[one.pk for one in accounts], actor=deed.user, now=now)
    stopped = Account.objects.filter(pk__in=lived, state=Account.State.DEACTIVATED)
    return set(stopped.values_list("pk", flat=True))

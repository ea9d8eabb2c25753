"""What a worker does once something goes: it invites, adds backups, asks colleagues, ends each log-in, and tells whom it concerns.

Each step is a transaction of its own, which says that it is done: whoever dies, nothing is done twice, and begun again it does what is
left. The channel of a log-in is told after its step, outside any transaction; what is silent, a sweep goes on with
(`removal.sweep_removed`).
"""

from datetime import datetime

from accounts import actions, backup_adding, backup_invitations, deeds, pool, removal
from accounts.leaving import mails, plan
from accounts.leaving.deed import ACCOUNT, GAVE_UP, INVITES, OFFBOARD, Step, is_own, left, scope_of
from accounts.leaving.handing_over import INVITING
from accounts.models import Account, AccountEvent, AccountToken, BackupRequest, Deed
from tokens import lifecycle
from tokens.models import Token
from users.models import User


def act(deed: Deed, key: int, now: datetime) -> bool:
    """Do one step of a deed, in its transaction. Return False where nothing was left to do."""
    step, pk = Step(key % 10), key // 10
    if not holds(deed):
        return False
    if step == Step.LOG_IN:
        return end(deed, left(deed).filter(pk=pk).locked().first(), now)
    if step == Step.LAST:
        if deed.kind == OFFBOARD:  # consented to in the moment before the person was locked out
            for token in left(deed).locked():
                end(deed, token, now)
        mails.tell(deed, now)
        return True
    does = {Step.BACKUPS: _back_up, Step.ASK: _ask}.get(step)
    return does(deed, now) if does else _invite(deed, pk, now)


def holds(deed: Deed) -> bool:
    """Return whether a person who is seen off is still locked out: of whoever was switched on again, nothing more is ended."""
    return deed.kind != OFFBOARD or User.objects.filter(pk=deed.subject_id, is_active=False).exists()


def after(deed: Deed, key: int, now: datetime) -> None:
    """Tell the channel of a log-in that was removed in this step that it is over."""
    if Step(key % 10) == Step.LOG_IN and ACCOUNT not in deed.options:
        removal.end_at_channel(token_id=key // 10, now=now, actor=deed.user)


def finish(deed: Deed, now: datetime) -> None:
    """Have people told of what a deed stopped that did not come to its last step."""
    if deed.state == Deed.State.FAILED:
        mails.tell(deed, now)


def end(deed: Deed, token: Token | None, now: datetime) -> bool:
    """Remove a log-in, or take it out of the deed's one account. None was removed, or consented to again, since."""
    if token is None:
        return False
    if ACCOUNT in deed.options:
        return _take_out(deed, token, now)
    lifecycle.remove(token_id=token.pk, generation=token.generation, actor=deed.user, note=deed.note, now=now)
    return True


def _take_out(deed: Deed, token: Token, now: datetime) -> bool:
    """Take a log-in out of one account: another one takes over at once where one can, and it is not offered as a backup there again."""
    lifecycle.note_linked(token_ids=[token.pk], now=now)
    account = Account.objects.locked().get(pk=deed.options[ACCOUNT])
    if not AccountToken.objects.filter(account=account, token=token).delete()[0]:
        return False
    pool.record(
        account=account,
        kind=AccountEvent.Kind.UNLINKED,
        token_id=token.pk,
        cause=GAVE_UP,
        source="self",
        actor=deed.user,
        note=deed.note,
        now=now,
    )
    mine = BackupRequest.objects.filter(account=account, token=token)
    declined = BackupRequest.State.DECLINED
    mine.filter(state=BackupRequest.State.ASKED).update(state=declined, answered_at=now)
    if not mine.filter(state=declined).exists():
        BackupRequest.objects.create(
            account=account, token=token, asked_at=now, state=declined, answered_at=now
        )
    pool.settle(
        account_ids=[account.pk], cause="unlinked", now=now, source="self", actor=deed.user, note=deed.note
    )
    return True


def _back_up(deed: Deed, now: datetime) -> bool:
    """Add the backups that are at hand now, to however many accounts; where one's own goes, nobody is added unasked."""
    chosen = {pk: offer.token.pk for pk, offer in plan.offers_of_all(scope_of(deed)).items()}
    asks = is_own(deed)
    outcome = backup_adding.write(chosen=chosen, actor=deed.user, note=deed.note, now=now, ask_all=asks)
    backup_adding.tell(added=outcome.added, asked=outcome.asked, actor=deed.user, note=deed.note, now=now)
    if outcome.added:
        Token.objects.filter(pk__in={offer.token.pk for offer in outcome.added}).make_due(now)
    return bool(outcome.added or outcome.asked)


def _ask(deed: Deed, now: datetime) -> bool:
    """Ask each colleague by one mail to re-authenticate what stopped in the accounts that stop or keep one person."""
    found = plan.stopped_of_all(scope_of(deed), now)
    for about in found.values():
        actions.ask_person(about=about, actor=deed.user, note=deed.note, now=now)
    return bool(found)


def _invite(deed: Deed, place: int, now: datetime) -> bool:
    """Have a worker invite one address for what nobody known here could carry, as far as the deed's person may. Raises InviteRefused."""
    to = deed.options[INVITES][place]
    accounts = plan.nobody_of_all(scope_of(deed), now)
    own = backup_invitations.invitable(deed.user, accounts)
    ids = [one.pk for one in accounts if one.pk in own and (not to["teams"] or one.team_id in to["teams"])]
    if not ids:
        return False
    backup_invitations.demand_other(to["email"], by=deed.user)
    deeds.start_on(
        Account.objects.filter(pk__in=ids).order_by("pk").values("pk"),
        user=deed.user,
        kind=INVITING,
        note=deed.note,
        options={"email": to["email"], "name": to["email"]},
        once=f"within {deed.pk}, {place}",
        now=now,
    )
    return True

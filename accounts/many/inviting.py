"""Asking one person to link many accounts as their backup. They are told once, at the end: one mail, however many accounts."""

from collections.abc import Sequence
from datetime import datetime

from accounts import backup_invitations, deeds
from accounts.backup_invitations import Asking
from accounts.deed_rows import Result, in_order
from accounts.leaving import handing_over
from accounts.models import Deed


def asking(deed: Deed) -> Asking:
    """Return whom a deed asks: all at the moment of its press, so that what it wrote is found again."""
    said = deed.options
    return Asking(
        email=said["email"],
        by=deed.user,
        at=deed.created_at,
        name=said.get("person", ""),
        note=deed.note,
        without_account=bool(said.get("client")),
        in_parts=True,
    )


def invite(deed: Deed, keys: Sequence[int], _now: datetime) -> list[Result]:
    """Note of each account that the person is asked; `finish` mails them. Raises InviteRefused, ClientLinkRefused, OnHold."""
    found = list(deeds.accounts_of(deed, keys).select_related("team").order_by("pk"))
    own = backup_invitations.invitable(deed.user, found)
    mine = [one for one in found if one.pk in own]
    asked = {row.account_id for row in backup_invitations.write(accounts=mine, asking=asking(deed))}
    results = {one.pk: Result.skips(one.pk, "not_own_team") for one in found}
    results |= {one.pk: Result.skips(one.pk, "invited_before") for one in mine}
    results |= {pk: Result.done(pk) for pk in asked}
    return in_order(keys, results)


def finish(deed: Deed, _now: datetime) -> None:
    """Mail the person what they are asked, also where the deed ended early. Raises OnHold."""
    deed.refresh_from_db(fields=["user", "options"])  # somebody may have taken it over since its last part
    before = deed.options.get(handing_over.BEFORE, ())
    written = {"email": deed.options["email"], "at": deed.created_at}
    late = backup_invitations.of_press(by=before, **written)  # a part that began before it was taken over
    backup_invitations.hand_over(late, before=before, by=deed.user)
    rows = backup_invitations.of_press(by=[deed.user_id], **written)
    backup_invitations.mail(rows=rows, asking=asking(deed))

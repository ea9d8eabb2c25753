"""Who gets the weekly digest of which teams: people who ordered it, leads, further addresses that staff set; less who stopped it."""

from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime

from django.core import signing
from django.db import transaction
from django.db.models import Exists, OuterRef, Q

from macros.models import DigestAddress, DigestStop, DigestSubscription, Silence
from notifications.models import Message
from users.models import Membership, Team, User

KIND = "weekly"  # of the messages, and the folder of their words
MOST = 20  # further addresses of a team
_SIGNER = signing.Signer(salt="macros.digest")


@dataclass
class Reader:
    """Whoever gets one mail: a person, or an address outside (`user` is None), and of which teams.

    `since`: when the first of it was ordered; `always`: also of a quiet week.
    """

    address: str
    user: User | None
    since: datetime
    teams: set[int] = field(default_factory=set)
    always: bool = False

    def add(self, team: int, since: datetime) -> None:
        """Note that the digest is of this team, too, since then."""
        self.teams.add(team)
        self.since = min(self.since, since)


def readers() -> list[Reader]:
    """Return who gets a digest. Who left a team, leads it no longer, stopped it, snoozed all warnings or cannot log in gets none of it."""
    rows = {(one.team_id, one.user_id): one for one in DigestSubscription.objects.all()}
    further = list(DigestAddress.objects.values_list("team", "email", "started_at"))
    stopped = set(DigestStop.objects.values_list("team", "email"))
    found: dict[str, Reader] = {}
    members = Membership.objects.filter(user__is_active=True).select_related("user")
    for one in members.filter(team__in={team for team, _ in rows}):
        as_lead = rows.get((one.team_id, None)) if one.role == Membership.Role.TEAM_LEAD else None
        orders = [row for row in (rows.get((one.team_id, one.user_id)), as_lead) if row is not None]
        if orders and (one.team_id, one.user.email) not in stopped:
            since = min(row.started_at for row in orders)
            reader = found.setdefault(one.user.email, Reader(one.user.email, one.user, since))
            reader.add(one.team_id, since)
            reader.always |= any(row.always for row in orders)
    people = {user.email: user for user in User.objects.filter(email__in={email for _, email, _ in further})}
    for team, email, since in further:
        user = people.get(email)
        if (team, email) not in stopped and (user is None or user.is_active):
            found.setdefault(email, Reader(email, user, since)).add(team, since)
    away = set(Silence.objects.filter(account=None, ended_at=None).values_list("email", flat=True))
    return [reader for reader in found.values() if reader.address not in away]


def still(*, address: str, user: User | None, teams: Collection[int], asked: bool) -> list[int]:
    """Return those of the teams that the address may still read of: of which its person, or each lead of theirs, orders the digest now, or
    that staff send it. `asked`: the person asked for this one alone, so that being in the team is enough.
    """
    theirs = set(DigestAddress.objects.filter(email=address, team__in=teams).values_list("team", flat=True))
    if user is not None:
        member = Membership.objects.filter(user=user, team__in=teams)
        if not asked:
            orders = DigestSubscription.objects.filter(team=OuterRef("team"))
            as_lead = Q(Exists(orders.filter(user=None)), role=Membership.Role.TEAM_LEAD)
            member = member.filter(Q(Exists(orders.filter(user=user))) | as_lead)
        theirs |= set(member.values_list("team", flat=True))
    return sorted(theirs - _stopped(address))


def _stopped(address: str) -> set[int]:
    return set(DigestStop.objects.filter(email=address).values_list("team", flat=True))


# --- ordered by a person ------------------------------------------------------------------------------------------------


@transaction.atomic
def choose(*, user: User, own: Collection[int], leads: Collection[int], always: bool, now: datetime) -> None:
    """Write of which teams the person gets the digest, and of which all leads do, as far as the person is in them, or leads them."""
    roles = dict(Membership.objects.filter(user=user).values_list("team", "role"))
    led = {team for team, role in roles.items() if role == Membership.Role.TEAM_LEAD}
    for chosen, owner, may in ((set(own), user, set(roles)), (set(leads), None, led)):
        kept = DigestSubscription.objects.filter(user=owner, team__in=may)
        kept.exclude(team__in=chosen).delete()
        for team in sorted(chosen & may):
            DigestSubscription.objects.update_or_create(
                team_id=team,
                user=owner,
                defaults={"always": always},
                create_defaults={"always": always, "started_at": now},
            )
    DigestStop.objects.filter(email=user.email, team__in=own).delete()


def chosen_by(user: User) -> dict[str, dict[int, bool]]:
    """Return the teams of which the person gets the digest ("own"), and all leads do ("leads"), each with whether always."""
    found: dict[str, dict[int, bool]] = defaultdict(dict)
    rows = DigestSubscription.objects.filter(team__memberships__user=user)
    stopped = _stopped(user.email)
    for team, owner, always in rows.values_list("team", "user", "always"):
        if owner == user.pk and team not in stopped:
            found["own"][team] = always
        elif not owner:
            found["leads"][team] = always
    return found


def ordered_by(user: User) -> list[int]:
    """Return the teams that the next digest of a person is about; all of theirs where they get none."""
    mine = next((one.teams for one in readers() if one.address == user.email), set())
    return sorted(mine) or sorted(Membership.objects.filter(user=user).values_list("team", flat=True))


# --- further addresses --------------------------------------------------------------------------------------------------


def further(team: Team) -> list[tuple[DigestAddress, datetime | None]]:
    """Return the further addresses of a team, each with when its reader stopped the digest."""
    stopped = dict(DigestStop.objects.filter(team=team).values_list("email", "at"))
    rows = DigestAddress.objects.filter(team=team).select_related("added_by").order_by("email")
    return [(row, stopped.get(row.email)) for row in rows]


@transaction.atomic
def set_further(
    *, team: Team, emails: Iterable[str], actor: User, now: datetime
) -> tuple[list[str], list[str]]:
    """Have these addresses get the digest of the team, and no further ones. Returns who is added and who is removed.

    Whoever stopped it by its link gets it again only where they were taken off before: it is their wish, which staff then overrule on
    purpose.
    """
    wanted = {email.strip().lower() for email in emails}
    rows = DigestAddress.objects.filter(team=team)
    had = set(rows.values_list("email", flat=True))
    rows.exclude(email__in=wanted).delete()
    DigestStop.objects.filter(team=team, email__in=(had | wanted) - (had & wanted)).delete()
    DigestAddress.objects.bulk_create(
        [
            DigestAddress(team=team, email=email, added_by=actor, started_at=now)
            for email in sorted(wanted - had)
        ],
        ignore_conflicts=True,
    )
    return sorted(wanted - had), sorted(had - wanted)


# --- by the link of the mail --------------------------------------------------------------------------------------------


def sign(message: Message) -> str:
    """Return what identifies a digest in the link that stops it. A secret: for the mail that is being sent, never stored."""
    return _SIGNER.sign(str(message.pk))


def open_signed(signed: str) -> Message | None:
    """Return the digest whose mail holds the link; None for a link that is cut or forged, or where the mail is gone."""
    try:
        pk = _SIGNER.unsign(signed)
    except signing.BadSignature:
        return None
    return Message.objects.defer("text", "html").filter(pk=pk, kind=KIND).first()


def teams_of(message: Message) -> list[Team]:
    """Return the teams of a digest, by name."""
    return list(Team.objects.filter(pk__in=message.payload["teams"]).order_by("name"))


def is_stopped(message: Message) -> bool:
    """Return whether its reader has stopped all of it."""
    return set(message.payload["teams"]) <= _stopped(message.recipient)


def stop(message: Message, *, now: datetime) -> None:
    """Stop the digest of these teams for whoever got it. Doing it again changes nothing."""
    DigestStop.objects.bulk_create(
        [DigestStop(team=team, email=message.recipient, at=now) for team in teams_of(message)],
        ignore_conflicts=True,
    )


def start_again(message: Message) -> None:
    """Undo it."""
    DigestStop.objects.filter(email=message.recipient, team__in=message.payload["teams"]).delete()

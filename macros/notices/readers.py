"""Who is told of an account by an action of a macro, and why somebody is not: one rule for all that is told, ahead or at once.

Pure: what it asks is read by `macros.notices.queries`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple

from users.people.recipients import Via

# Why an address is told nothing, as codes.
PERSON_LEFT = "person_left"
REFUSED = "address_refused"
LEFT_OUT = "left_out"  # by the macro, of this account
SNOOZED = "snoozed"  # it snoozed this account
AWAY = "away"  # it snoozed all accounts


class Muted(NamedTuple):
    """An address is told nothing of an account by a macro, until a day.

    None stands for all accounts, all macros, no last day; an empty address for everybody.
    """

    account_id: int | None
    email: str
    macro_id: int | None = None
    until: date | None = None

    def holds(self, day: date | None) -> bool:
        """Return whether it holds on a day; None: now, when each that runs does."""
        return day is None or self.until is None or self.until > day


class Mutes:
    """The mutes that run, found by their account."""

    def __init__(self, mutes: Iterable[Muted] = ()) -> None:
        self._by_account: Mapping[int | None, list[Muted]] = defaultdict(list)
        for one in mutes:
            self._by_account[one.account_id].append(one)
        self._by_account = dict(self._by_account)
        self._of_all = self._by_account.get(None, [])

    def concern(self, account_id: int) -> bool:
        """Return whether any mute may keep somebody from hearing of the account."""
        return bool(self._of_all) or account_id in self._by_account

    def why(self, address: str, *, account_id: int, macro_id: int, day: date | None) -> str:
        """Return why an address is told nothing of an account by a macro on a day, as a code; "" where it may be."""
        for one in (*self._by_account.get(account_id, ()), *self._of_all):
            if one.email == address and one.macro_id in {None, macro_id} and one.holds(day):
                if one.macro_id is not None:
                    return LEFT_OUT
                return AWAY if one.account_id is None else SNOOZED
        return ""

    def quiet_until(self, account_id: int, day: date | None = None) -> date | None:
        """Return until which day nobody is warned ahead of an account; None where it is not snoozed for everybody."""
        found = [
            one.until
            for one in self._by_account.get(account_id, ())
            if one.until and not one.email and one.macro_id is None and one.holds(day)
        ]
        return max(found, default=None)


@dataclass(frozen=True)
class Directory:
    """What decides whom mail reaches, and who stands in. All addresses are in lower case."""

    gone: Collection[str] = frozenset()  # of people who can no longer log in
    refused: Collection[str] = frozenset()  # that their mail servers refuse
    leads: Mapping[int, Sequence[str]] = field(default_factory=dict)  # by team, whom mail reaches
    members: Mapping[int, Sequence[str]] = field(default_factory=dict)  # by team of the accounts asked about
    see_all: Collection[str] = frozenset()  # of people who look at all teams
    operators: Sequence[str] = ()
    mutes: Mutes = field(default_factory=Mutes)

    def unreached(self, address: str) -> str:
        """Return why mail does not reach an address, as a code; "" where it does."""
        if address in self.gone:
            return PERSON_LEFT
        return REFUSED if address in self.refused else ""


class Reader(NamedTuple):
    """One address that is told, and how it comes to it."""

    address: str
    via: Via


@dataclass(frozen=True, slots=True)
class Told:
    """Who is told, each address once; and whom the action names that is not: address -> why, as a code."""

    readers: Sequence[Reader]
    left_out: Mapping[str, str]


def who_is_told(
    named: Iterable[str],
    *,
    account_id: int,
    team_id: int,
    macro_id: int,
    directory: Directory,
    day: date | None = None,
) -> Told:
    """Return who is told of an account of a team by a macro's action on a day (None: now), where it names these addresses.

    Where none of them can be told, the leads of the team are who snoozed nothing, else the operators: those always.
    """
    readers, left_out = [], {}
    muted = directory.mutes.concern(account_id)
    for address in dict.fromkeys(named):
        why = directory.unreached(address)
        if not why and muted:
            why = directory.mutes.why(address, account_id=account_id, macro_id=macro_id, day=day)
        if why:
            left_out[address] = why
        else:
            readers.append(Reader(address, Via.DIRECT))
    if readers:
        return Told(readers, left_out)
    for address in directory.leads.get(team_id, ()):
        why = directory.mutes.why(address, account_id=account_id, macro_id=macro_id, day=day)
        if why:
            left_out[address] = why
        else:
            readers.append(Reader(address, Via.TEAM_LEAD))
    if not readers:
        readers = [Reader(address, Via.OPERATOR) for address in directory.operators]
    return Told(readers, left_out)

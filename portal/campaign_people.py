"""Whom a campaign would not ask, or not yet, and why: addresses that mail does not reach, and people who snoozed their accounts."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime

from django.db.models import Exists, OuterRef
from django.db.models.functions import Lower

from accounts import quiet
from portal.campaign_rows import say
from tokens.models import Token
from ui import dates
from ui.confirm import ConfirmLine
from users.models import RefusedAddress, User


@dataclass(frozen=True)
class Unasked:
    """People (ids) whom a campaign would not ask now."""

    parked: Collection[int]
    # Until when the first of their log-ins is snoozed; and those of whose log-ins each is.
    snoozed: Mapping[int, date]
    wholly: Collection[int]

    def said(self, line: ConfirmLine, person: int) -> ConfirmLine:
        """Return the line of a person with why nobody, or who later, is mailed; as it is where nothing is in the way."""
        if person in self.parked:
            return replace(line, skipped=say("parked"))
        until = self.snoozed.get(person)
        if until is None or line.skipped:
            return line
        day = dates.day(until, year=False)
        if person in self.wholly:
            return replace(line, skipped=say("snoozed_until", day=day))
        return replace(line, but="; ".join(filter(None, [line.but, say("some_snoozed", day=day)])))


def parked(people: Collection[int]) -> set[int]:
    """Return those of these people (ids) whose address is parked: a mail that asks them would not be sent. One query."""
    refused = RefusedAddress.objects.filter(email=Lower(OuterRef("email")))
    found = User.objects.filter(Exists(refused), pk__in=people)
    return set(found.values_list("pk", flat=True))


def unasked(token_ids: Sequence[int], now: datetime) -> Unasked:
    """Return who of the people of these log-ins (ids) is not mailed, or only once a snooze is over. Three queries."""
    until = quiet.log_ins(token_ids, now=now)
    log_ins: dict[int, list[int]] = defaultdict(list)
    rows = Token.objects.filter(pk__in=token_ids, consented_by__isnull=False)
    for pk, person in rows.values_list("pk", "consented_by"):
        if person is not None:
            log_ins[person].append(pk)
    unreached = parked(log_ins)
    snoozed = {
        person: min(until[pk] for pk in some if pk in until)
        for person, some in log_ins.items()
        if person not in unreached and any(pk in until for pk in some)
    }
    wholly = {person for person in snoozed if all(pk in until for pk in log_ins[person])}
    return Unasked(unreached, snoozed, wholly)

"""A property on random lives: every deadline that was known for longer than d days gets its d-day warning, once in a cycle."""

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest

from macros import evaluation
from macros.models import Notice
from tests.macros.support import BERLIN, make_macro, make_person, noon, settle
from tests.support.factories import NOW, link, make_account, make_token
from tokens import lifecycle
from tokens.channels.kinds import Classification, Dates, Inspection, Verdict
from tokens.models import Token

DAY = timedelta(days=1)
DAYS = [30, 14, 7, 3, 1]


@dataclass
class Cycle:
    """A deadline that stays within a day of where it began, by the test's own reckoning."""

    since: datetime
    anchor: datetime
    deadline: datetime
    last_move: datetime
    evaluations: list[datetime] = field(default_factory=list)
    told: list[int] = field(default_factory=list)


class Life:
    """A token that is renewed, moved and forgotten at random, and the account that uses it."""

    def __init__(self, seed: int, watch: str) -> None:
        self.rng = random.Random(seed)
        self.now = NOW.replace(hour=self.rng.randrange(24), minute=self.rng.randrange(60))
        make_macro(days=DAYS, watch=watch)
        self.token = make_token(consented_by=make_person(), cycle_since=self.now, created_at=self.now)
        self.account = make_account()
        link(self.account, self.token)
        settle(self.account, now=self.now)
        self.cycles: list[Cycle] = []
        self.say(self.now + timedelta(days=self.rng.uniform(1, 45)))

    def say(self, deadline: datetime) -> None:
        """Let the channel say the date again, as after a renewal: issued now."""
        dates = Dates(issued_at=self.now, access_expires_at=deadline, sources={"access": "provider"})
        lifecycle.record_inspection(
            token_id=self.token.pk,
            generation=Token.objects.get(pk=self.token.pk).generation,
            inspection=Inspection(Classification(Verdict.OK), dates=dates),
            now=self.now,
            source="test",
        )
        if not self.cycles or abs(deadline - self.cycles[-1].anchor) > DAY:
            self.cycles.append(Cycle(self.now, deadline, deadline, self.now))
        elif deadline != self.cycles[-1].deadline:
            self.cycles[-1].deadline, self.cycles[-1].last_move = deadline, self.now

    def live(self) -> None:
        """Go on until the deadline has passed: a renewal most days, a move now and then, evaluations at seven if none is missed."""
        while self.now < self.cycles[-1].deadline:
            seven = datetime.combine(self.now.astimezone(BERLIN).date() + DAY, datetime.min.time(), BERLIN)
            self.evaluate(seven + timedelta(hours=7))
            self.now = max(self.now, seven + timedelta(hours=self.rng.uniform(0, 24)))
            if self.now < self.cycles[-1].deadline and self.rng.random() < 0.7:
                self.say(self.cycles[-1].deadline + self.move())

    def move(self) -> timedelta:
        chance = self.rng.random()
        if chance < 0.03 and len(self.cycles) < 4:
            return timedelta(days=self.rng.uniform(-5, 20))
        return timedelta(hours=self.rng.uniform(-3, 3)) if chance < 0.2 else timedelta(0)

    def evaluate(self, at: datetime) -> None:
        if self.rng.random() < 0.35 or at < self.now:
            return
        cycle = self.cycles[-1]
        run = evaluation.evaluate(now=at).evaluation_id
        cycle.evaluations.append(at)
        cycle.told += (
            Notice.objects.filter(evaluation=run).exclude(threshold=0).values_list("threshold", flat=True)
        )


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("watch", ["account", "token"])
@pytest.mark.parametrize("seed", range(3))
def test_every_deadline_known_for_longer_than_its_days_is_warned_of_once(seed: int, watch: str) -> None:
    life = Life(seed, watch)

    life.live()

    for cycle in life.cycles:
        assert cycle.told == sorted(
            set(cycle.told), reverse=True
        )  # each once, and never a wider one after a tighter
        known = cycle.deadline - cycle.since
        for days in DAYS:
            opens = noon(cycle.deadline.astimezone(BERLIN).date() - timedelta(days=days)) - timedelta(
                hours=12
            )
            seen = [at for at in cycle.evaluations if max(opens, cycle.last_move) <= at < cycle.deadline]
            if known > timedelta(days=days) and seen:
                assert any(told <= days for told in cycle.told), (days, cycle)
        assert all(timedelta(days=told) < known + 2 * DAY for told in cycle.told)
    assert (
        sum(len(cycle.told) for cycle in life.cycles) > 0
        or life.cycles[-1].deadline - life.cycles[-1].since < 2 * DAY
    )

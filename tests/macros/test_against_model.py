"""The SQL against a plain model in Python, on random fleets over many days."""

import random
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accounts.models import Account
from macros import evaluation
from macros.models import MacroAction, Notice
from tests.macros.support import BERLIN, TODAY, make_macro, make_person, noon, settle
from tests.support.factories import NOW, link, make_account, make_team, make_token
from tokens.models import Token
from users.models import Membership, User

CHANNELS = ["facebook", "x"]
OPERATOR = "ops@example.com"
Fact = tuple[int, int | None, int, str]
Found = set[tuple[int, Fact, int, str]]


@dataclass
class Model:
    """What was told to whom: (account, token, cycle, address) -> thresholds, whichever macro told it."""

    told: dict[Fact, set[int]] = field(default_factory=lambda: defaultdict(set))
    left: set[str] = field(default_factory=set)  # people who cannot log in
    managers: list[tuple[int, str]] = field(default_factory=list)  # of which team

    def run(self, day: int) -> Found:
        """Return (action, fact, threshold, via) of all that is found, and remember it."""
        now = noon(TODAY + timedelta(days=day))
        found: Found = set()
        accounts = list(Account.objects.prefetch_related("pool__token__consented_by", "events"))
        self.left = set(User.objects.filter(is_active=False).values_list("email", flat=True))
        managers = Membership.objects.filter(role="manager")
        self.managers = list(managers.values_list("team", "user__email"))
        for action in MacroAction.objects.filter(macro__enabled=True).select_related("macro"):
            chosen = set(action.macro.accounts.values_list("pk", flat=True))
            for account in accounts:
                if applies(action, account, chosen):
                    found |= self.run_pair(action, account, now)
        for _, fact, threshold, _ in found:
            self.told[fact].add(threshold)
        return found

    def run_pair(self, action: MacroAction, account: Account, now: datetime) -> Found:
        pool = list(account.pool.all())
        facts: list[tuple[int | None, int, int, list[Token]]] = []  # token, cycle, threshold, whose
        connected_once = pool or any(event.kind == "connected" for event in account.events.all())
        held_up = account.state == "interrupted" and account.since <= now - timedelta(hours=1)
        if held_up or (account.state == "deactivated" and connected_once):
            facts.append((None, account.cycle, 0, [entry.token for entry in pool]))
        if account.state in {"connected", "interrupted"} and action.watch == "account":
            setters = [
                known_since(entry.token)
                for entry in pool
                if entry.token.state != "dead" and entry.token.deadline == account.deadline
            ]
            known = min([account.cycle_since, *setters])
            if (threshold := crossed(action.days, account.deadline, known, now)) is not None:
                facts.append((None, account.cycle, threshold, [entry.token for entry in pool]))
        elif account.state in {"connected", "interrupted"}:
            for entry in pool:
                token = entry.token
                threshold = crossed(action.days, token.deadline, known_since(token), now)
                if threshold is not None and token.state != "dead" and entry.access == "ok":
                    facts.append((token.pk, token.cycle, threshold, [token]))
        found: Found = set()
        for token_id, cycle, threshold, tokens in facts:
            addresses, via = self.recipients(action, account, tokens)
            for address in addresses:
                fact = (account.pk, token_id, cycle, address)
                if not any(old <= threshold and bool(old) == bool(threshold) for old in self.told[fact]):
                    found.add((action.pk, fact, threshold, via))
        return found

    def recipients(self, action: MacroAction, account: Account, tokens: list[Token]) -> tuple[set[str], str]:
        """Return who is told and how it came to them: people who can log in, else the team's leads, else operators."""
        people = {token.consented_by for token in tokens if action.notify_consenters}
        direct = {person.email for person in people if person} | {email.lower() for email in action.emails}
        if direct - self.left:
            return direct - self.left, ""
        leads = {email for team, email in self.managers if team == account.team_id} - self.left
        return (leads, "team_lead") if leads else ({OPERATOR}, "operator")


def applies(action: MacroAction, account: Account, chosen: set[int]) -> bool:
    macro = action.macro
    if macro.team_id not in {None, account.team_id}:
        return False
    if macro.scope == "chosen":
        return account.pk in chosen
    return macro.scope == "all" or account.channel in macro.channels


def known_since(token: Token) -> datetime:
    """The start of the token's cycle, or its issue where that is earlier; a token whose issue nobody told may be of any age."""
    return min(token.cycle_since, token.issued_at or datetime.min.replace(tzinfo=UTC))


def crossed(days: list[int], deadline: object, known: datetime, now: object) -> int | None:
    if deadline is None or deadline <= now:  # type: ignore[operator]  # datetimes, told loosely
        return None
    left = (deadline.astimezone(BERLIN).date() - now.astimezone(BERLIN).date()).days  # type: ignore[attr-defined]
    reached = [
        day
        for day in days
        if day >= left and timedelta(days=day) < deadline - known  # type: ignore[operator]
    ]
    return min(reached, default=None)


def random_fleet(rng: random.Random) -> list[Account]:
    teams = [make_team(), make_team()]
    people = [make_person(is_active=rng.random() < 0.7) for _ in range(4)]
    Membership.objects.create(team=teams[0], user=rng.choice(people), role="manager")
    accounts = [make_account(rng.choice(CHANNELS), team=rng.choice(teams)) for _ in range(12)]
    for account in accounts:
        for _ in range(rng.randint(0, 3)):
            link(account, random_token(rng, people), access=rng.choice(["ok", "ok", "lost"]))
    settle(*accounts)
    for _ in range(5):
        make_macro(
            days=rng.sample([1, 2, 3, 5, 7, 10, 14], rng.randint(1, 3)),
            emails=(emails := rng.sample(["A@x.example", "b@x.example", people[0].email], rng.randint(0, 2))),
            notify_consenters=not emails or rng.random() < 0.5,
            watch=rng.choice(["account", "token"]),
            scope=rng.choice(["all", "channels", "chosen"]),
            channels=rng.sample(CHANNELS, 1),
            team=rng.choice([None, None, *teams]),
            enabled=rng.random() < 0.9,
            accounts=rng.sample(accounts, 4),
        )
    return accounts


def random_token(rng: random.Random, people: list[User]) -> Token:
    state = rng.choice(["valid", "valid", "valid", "cooling", "dead"])
    consented_by = rng.choice([*people, None])
    if rng.random() < 0.2:
        return make_token(
            state=state, consented_by=consented_by, deadline_kind=rng.choice(["never", "unknown"])
        )
    deadline = NOW + timedelta(hours=rng.randint(1, 15 * 24))
    dates = [None, deadline - timedelta(days=rng.randint(1, 20))]
    since = deadline - timedelta(days=rng.randint(1, 20))
    return make_token(
        state=state,
        consented_by=consented_by,
        deadline=deadline,
        issued_at=rng.choice(dates),
        cycle_since=since,
    )


def disturb(rng: random.Random, accounts: list[Account], now: datetime) -> None:
    """Let a day pass: dates move, log-ins die and come back, accounts are paused."""
    for token in Token.objects.order_by("pk"):
        chance = rng.random()
        if chance < 0.1 and token.deadline:
            hours = rng.choice([1, 49])
            token.deadline += timedelta(hours=hours)
            if hours > 24:
                token.cycle, token.cycle_since = token.cycle + 1, now
            token.save()
        elif chance < 0.15:
            Token.objects.filter(pk=token.pk).update(state="dead", reason="password_changed")
        elif chance < 0.2:
            Token.objects.filter(pk=token.pk).update(state="valid", reason="", cycle=token.cycle + 1)
    paused = rng.choice(accounts)
    Account.objects.filter(pk=paused.pk).update(paused_at=rng.choice([NOW, None]))
    settle(*accounts, now=now)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(6))
def test_the_sql_finds_what_the_model_finds(seed: int, settings: Any) -> None:
    settings.OPERATOR_EMAILS = [OPERATOR]
    rng = random.Random(seed)
    accounts = random_fleet(rng)
    model = Model()
    total = 0

    for day in range(0, 14, rng.choice([1, 1, 2])):
        expected = model.run(day)
        report = evaluation.evaluate(now=noon(TODAY + timedelta(days=day)))
        rows = Notice.objects.filter(evaluation=report.evaluation_id)
        found = {
            (n.action_id, (n.account_id, n.token_id, n.cycle, n.recipient), n.threshold, n.via) for n in rows
        }
        assert found == expected
        total += len(found)
        disturb(rng, accounts, noon(TODAY + timedelta(days=day)))

    assert total > 10

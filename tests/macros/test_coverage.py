"""Which macros watch an account: asked per account, and asked for whole lists, the answers are the same."""

import random

import pytest
from django.db.models import Exists

from accounts.models import Account
from macros.coverage import covering, watched_by, watched_by_none
from macros.models import Macro, MacroAccount
from tests.support.factories import make_account, make_team

pytestmark = pytest.mark.django_db


def names(accounts: object) -> set[str]:
    return set(accounts.values_list("name", flat=True))  # type: ignore[attr-defined]  # a queryset


@pytest.fixture(params=range(6))
def fleet(request: pytest.FixtureRequest) -> list[Macro]:
    """Accounts of two channels and two teams, and macros of every scope, on and off, of a team or of all."""
    rng = random.Random(request.param)
    teams = [make_team(), make_team()]
    accounts = [
        make_account(channel=channel, team=team, name=f"{channel} {team} {number}")
        for channel in ("facebook", "x", "linkedin")
        for team in teams
        for number in range(3)
    ]
    Macro.objects.all().delete()
    for number in range(rng.randint(1, 5)):
        scope = rng.choice(["chosen", "chosen", "channels", "all"])
        channels = rng.sample(["facebook", "x"], rng.randint(1, 2)) if scope == "channels" else []
        macro = Macro.objects.create(
            name=f"Macro {number}",
            scope=scope,
            channels=channels,
            enabled=rng.random() < 0.7,
            team=rng.choice([None, *teams]),
        )
        for account in rng.sample(accounts, 4):  # kept, too, where the scope is another one now
            MacroAccount.objects.create(macro=macro, account=account)
    return list(Macro.objects.all())


def test_accounts_that_no_macro_watches(fleet: list[Macro]) -> None:
    every = Account.objects.all()

    assert names(watched_by_none(every)) == names(every.exclude(Exists(covering())))
    for macro in fleet:
        others = every.exclude(Exists(covering().exclude(pk=macro.pk)))
        assert names(watched_by_none(every, but=macro)) == names(others)


def test_accounts_that_one_macro_watches(fleet: list[Macro]) -> None:
    for macro in fleet:
        one_by_one = Account.objects.filter(Exists(covering().filter(pk=macro.pk)))
        assert names(watched_by(Account.objects.all(), macro)) == names(one_by_one)

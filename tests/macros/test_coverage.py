"""Which macros watch an account: asked per account, and asked for whole lists, the answers are the same."""

import random

import pytest

from accounts.models import Account
from macros.models import Macro, MacroAccount, MacroAction
from macros.notices.queries import read_accounts, read_rules
from macros.notices.values import Span
from macros.rules.queries import unwatched
from tests.macros.support import BERLIN
from tests.support.factories import NOW, make_account, make_team

pytestmark = pytest.mark.django_db


def names(accounts: object) -> set[str]:
    return set(accounts.values_list("name", flat=True))  # type: ignore[attr-defined]  # a queryset


@pytest.fixture(params=range(3))
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
        for kind in rng.sample(
            ["pre_deactivation", "deactivated", "shifted", "recovered"], rng.randint(1, 3)
        ):
            MacroAction.objects.create(macro=macro, kind=kind, days=[7] if kind == "pre_deactivation" else [])
    return list(Macro.objects.all())


def watched(*kinds: str, macros: list[Macro]) -> set[str]:
    """The accounts that a rule of these kinds and macros watches, asked of each account by itself."""
    found = [rule for rule in read_rules(*kinds) if rule.macro_id in {macro.pk for macro in macros}]
    ids = list(Account.objects.values_list("pk", flat=True))
    each = read_accounts(ids, rules=found, span=Span.day(NOW, BERLIN), told=False)
    return names(
        Account.objects.filter(
            pk__in=[one.pk for one in each if any(not rule.why_not(one) for rule in found)]
        )
    )


def test_accounts_of_whose_end_no_macro_tells(fleet: list[Macro]) -> None:
    every, stops = Account.objects.all(), ("pre_deactivation", "deactivated")

    assert names(unwatched(every)) == names(every) - watched(*stops, macros=fleet)
    for macro in fleet:
        others = [one for one in fleet if one != macro]
        assert names(unwatched(every, but=[macro])) == names(every) - watched(*stops, macros=others)


def test_accounts_that_one_macro_watches(fleet: list[Macro]) -> None:
    for macro in fleet:
        assert names(macro.watched(Account.objects.all())) == watched(
            *MacroAction.Kind.values, macros=[macro]
        )

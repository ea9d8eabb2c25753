"""Applying a macro to accounts that staff chose, and removing it from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction

from accounts.models import Account
from macros.models import Macro, MacroAccount


@dataclass(frozen=True)
class Assigned:
    """How many of the accounts got the macro, had it already, and are another team's than the macro's, so that they are left out."""

    new: int
    had: int
    foreign: int


@transaction.atomic
def put_on(macro: Macro, accounts: Sequence[Account]) -> Assigned:
    """Apply a macro to accounts, as far as they are of its team."""
    fitting = [account for account in accounts if macro.team_id in {None, account.team_id}]
    had = set(
        MacroAccount.objects.filter(macro=macro, account__in=fitting).values_list("account_id", flat=True)
    )
    new = [account for account in fitting if account.pk not in had]
    MacroAccount.objects.bulk_create(
        [MacroAccount(macro=macro, account=account) for account in new], ignore_conflicts=True
    )
    return Assigned(new=len(new), had=len(had), foreign=len(accounts) - len(fitting))

"""`python -m tests.e2e.many`, where the product runs: 600 accounts of one client and 50 of two others, linked by nobody, a macro."""

import sys

import django

COUNT = 600
CLIENT = "Pelikan Warenhaus"
FEW, SMALL = 50, ("Sperling Apotheken", "Amsel Apotheken")  # of each


def build() -> None:
    """Write them."""
    from accounts.models import Account
    from macros.models import Macro, MacroAction
    from users.models import Team

    names = [f"{CLIENT} {number:04}" for number in range(COUNT)]
    names += [f"{client} {number:02}" for client in SMALL for number in range(FEW)]
    Account.objects.bulk_create(
        Account(channel="facebook", native_id=str(880_000_000 + number), name=name, team=Team.default())
        for number, name in enumerate(names)
    )
    macro = Macro.objects.create(name="Pharmacies", scope=Macro.AppliesTo.CHOSEN)
    MacroAction.objects.create(macro=macro, emails=["shops@agency.example"], days=[14, 7])


if __name__ == "__main__":
    django.setup()
    build()
    sys.stdout.write("{}\n")

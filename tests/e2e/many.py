"""`python -m tests.e2e.many`, in the product's environment: 5,000 accounts of one client and 50 of two others, linked by nobody."""

import sys

import django

COUNT = 5_000
CLIENT = "Pelikan Warenhaus"
FEW, SMALL = 50, ("Sperling Apotheken", "Amsel Apotheken")  # of each


def build() -> None:
    """Write them."""
    from accounts.models import Account
    from users.models import Team

    names = [f"{CLIENT} {number:04}" for number in range(COUNT)]
    names += [f"{client} {number:02}" for client in SMALL for number in range(FEW)]
    Account.objects.bulk_create(
        Account(channel="facebook", native_id=str(880_000_000 + number), name=name, team=Team.default())
        for number, name in enumerate(names)
    )


if __name__ == "__main__":
    django.setup()
    build()
    sys.stdout.write("{}\n")

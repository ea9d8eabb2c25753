"""`python -m tests.e2e.many`, in the product's environment: 1,500 accounts of one client, which nobody has linked yet."""

import sys

import django

COUNT = 1_500
CLIENT = "Pelikan Warenhaus"


def build() -> None:
    """Write them."""
    from accounts.models import Account
    from users.models import Team

    Account.objects.bulk_create(
        Account(
            channel="facebook",
            native_id=str(880_000_000 + number),
            name=f"{CLIENT} {number:04}",
            team=Team.default(),
        )
        for number in range(COUNT)
    )


if __name__ == "__main__":
    django.setup()
    build()
    sys.stdout.write("{}\n")

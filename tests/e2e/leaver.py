"""`python -m tests.e2e.leaver PLACE`, in the product's environment: somebody of LEAVERS, with two log-ins, 120 accounts and a colleague.

The rows are written as tests write them, by tests/support/factories.py. Prints the id of whoever leaves.
"""

import sys

import django

LEAVERS = (("Lea Winter", "Tom Brandt"), ("Jan Sommer", "Eva Lindner"))  # and the colleague of each
CLIENTS = ("Nordlicht Optik", "Hafen Kaffee", "Blau Reisen", "Kranich Verlag", "Alster Räder", "Möwe Mode")
COUNT = 120  # accounts of each: the colleague carries 40 of them, too, and reaches 12 of the others


def build(name: str, colleague: str) -> int:
    """Write everything, and return who leaves."""
    from django.db import transaction

    with transaction.atomic():
        return _leaver(name, colleague)


def _leaver(name: str, colleague: str) -> int:
    from django.utils import timezone

    from accounts.models import Account, AccountToken, ReachedAccount
    from accounts.pool import services as pool
    from tests.support import factories
    from users.models import Team

    now, team = timezone.now(), Team.default()
    lea, tom = (
        factories.make_user(f"{one.split()[0].lower()}@example.com", name=one, password="")
        for one in (name, colleague)
    )
    for channel in ("facebook", "linkedin"):
        app, half = factories.make_app(channel), COUNT // 2
        mine, toms = (
            factories.make_token(app, consented_by=one, native_user_name=one.name, first_linked_at=now)
            for one in (lea, tom)
        )
        accounts = Account.objects.bulk_create(
            Account(
                channel=channel,
                native_id=f"{lea.pk}{number:04}",
                name=f"{CLIENTS[number % 6]} {1 + number // 6}",
                team=team,
            )
            for number in range(half)
        )
        both, alone = accounts[: half // 3], accounts[half // 3 :]
        AccountToken.objects.bulk_create(
            AccountToken(account=account, token=token, can_publish="yes")
            for token, some in ((mine, accounts), (toms, both))
            for account in some
        )
        ReachedAccount.objects.bulk_create(
            ReachedAccount(
                token=toms, native_id=account.native_id, can_publish="yes", role="Admin", seen_at=now
            )
            for account in alone[:6]
        )
        pool.settle(account_ids=[account.pk for account in accounts], cause="linked", now=now)
    return lea.pk


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(f"{build(*LEAVERS[int(sys.argv[1])])}\n")

"""`python -m tests.e2e.leaver`, in the product's environment: somebody with two log-ins and 12 accounts, and a colleague who reaches one.

The rows are written as tests write them, by tests/support/factories.py. Prints the person's id as one line of JSON.
"""

import json
import sys
from typing import Any

import django

NAME, COLLEAGUE = "Lea Winter", "Tom Brandt"
CLIENTS = ("Nordlicht Optik", "Hafen Kaffee", "Blau Reisen", "Kranich Verlag", "Alster Räder", "Möwe Mode")


def build() -> dict[str, Any]:
    """Write everything, and return the person."""
    from django.db import transaction
    from django.utils import timezone

    from accounts import pool
    from accounts.models import ReachedAccount
    from tests.support import factories

    now = timezone.now()
    with transaction.atomic():
        lea, tom = (
            factories.make_user(f"{name.split()[0].lower()}@example.com", name=name)
            for name in (NAME, COLLEAGUE)
        )
        accounts = []
        for channel in ("facebook", "linkedin"):
            app = factories.make_app(channel)
            mine, toms = (
                factories.make_token(app, consented_by=one, native_user_name=one.name, first_linked_at=now)
                for one in (lea, tom)
            )
            for place, client in enumerate(CLIENTS):
                accounts.append(factories.make_account(channel, name=client))
                for token in [mine, toms] if place % 3 == 2 else [mine]:
                    factories.link(accounts[-1], token)
            ReachedAccount.objects.create(
                token=toms,
                native_id=accounts[-len(CLIENTS)].native_id,
                can_publish="yes",
                role="Admin",
                seen_at=now,
            )
        pool.settle(account_ids=[account.pk for account in accounts], cause="linked", now=now)
    return {"person": lea.pk}


if __name__ == "__main__":
    django.setup()
    sys.stdout.write(json.dumps(build()) + "\n")

"""`python -m tests.e2e.digest_team`, in the product's environment: a client's team with a lead; accounts end, one stopped."""

from datetime import timedelta

import django

TEAM, LEAD = "Nordlicht Group", "lea@nordlicht.example"
ACCOUNTS = (
    ("Nordlicht Optik DE", 4),
    ("Nordlicht Optik AT", 12),
    ("Nordlicht Hörakustik", 26),
    ("Nordlicht Outlet", 0),
)


def build() -> None:
    """Write the team, and print its id and the lead's password."""
    from django.db import transaction
    from django.utils import timezone

    from accounts import pool
    from tests.support import factories
    from users.models import Membership

    now, app, team = timezone.now(), factories.make_app("facebook"), factories.make_team(TEAM)
    lead = factories.make_user(LEAD, name="Lea Brandt", team=team)
    Membership.objects.filter(user=lead, team=team).update(role=Membership.Role.TEAM_LEAD)
    with transaction.atomic():
        ids = []
        for name, days in ACCOUNTS:
            person = factories.make_user(
                f"{name.split()[-1].lower()}@nordlicht.example", name=f"Nora {name.split()[-1]}", team=team
            )
            ends = {"deadline": now + timedelta(days=days)} if days else {"state": "dead", "state_since": now}
            token = factories.make_token(app, consented_by=person, native_user_name=person.name, **ends)
            account = factories.make_account("facebook", name=name, team=team)
            factories.link(account, token)
            ids.append(account.pk)
        pool.settle(account_ids=ids, cause="password_changed", now=now)
    print(team.pk)  # noqa: T201  # read by the walk


if __name__ == "__main__":
    django.setup()
    build()

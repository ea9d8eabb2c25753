"""`python -m tests.e2e.campaigners [later]`, in the product's environment: 30 people whose log-ins end soon, and what some of them do.

The rows are written as tests write them, by tests/support/factories.py. One of them, Nils, is the stand-in Facebook's Emil Novak.
"""

import sys
from datetime import timedelta
from typing import Any

import django

DOMAIN = "agentur-nord.example"
NILS = f"nils@{DOMAIN}"
EMIL, FERN = (
    "10163348207715930",
    "318204957716203",
)  # at the stand-in Facebook: a person, and an ad account of theirs
FIRST = [
    "Nils",
    "Aina",
    "Bruno",
    "Clara",
    "Derya",
    "Elif",
    "Fritz",
    "Greta",
    "Hanno",
    "Ines",
    "Jonas",
    "Katja",
    "Lotte",
    "Malik",
    "Nora",
    "Oskar",
    "Paula",
    "Quirin",
    "Rosa",
    "Sami",
    "Thea",
    "Udo",
    "Vera",
    "Wim",
    "Xenia",
    "Yusuf",
    "Zita",
    "Anton",
    "Birte",
    "Carlo",
]
CLIENTS = ("Nordlicht Optik", "Hafen Kaffee", "Blau Reisen", "Kranich Verlag", "Alster Räder", "Möwe Mode")


def build() -> None:
    """Write 30 people with a log-in each, in an account or two that end within 30 days; four of them have stopped."""
    from django.db import transaction
    from django.utils import timezone

    from accounts import pool
    from accounts.models import Account
    from tests.support import factories

    now, day = timezone.now(), timedelta(days=1)
    app = factories.make_app("facebook")
    with transaction.atomic():
        ids = []
        for place, first in enumerate(FIRST):
            name = f"{first} {('Petersen', 'Wagner', 'Yılmaz')[place % 3]}"
            stopped = place % 8 == 3
            ends: dict[str, Any] = {} if stopped else {"deadline": now + (2 + place) * day}
            ends |= {"state": "dead", "state_since": now - day} if stopped else {}
            person = factories.make_user(f"{first.lower()}@{DOMAIN}", name=name)
            native = {"native_user_id": EMIL} if place == 0 else {}
            token = factories.make_token(
                app, consented_by=person, native_user_name="Emil Novak" if place == 0 else name, linked_at=now - 50 * day,
                first_linked_at=now - 50 * day, **ends, **native,
            )  # fmt: skip
            account = (
                Account.objects.filter(channel="facebook", native_id=FERN).first() if place == 0 else None
            )
            named: dict[str, Any] = (
                {"native_id": FERN, "name": "Fern Gardens"}
                if place == 0
                else {"name": f"{CLIENTS[place % 6]} {1 + place // 6}"}
            )
            account = account or factories.make_account("facebook", **named)
            factories.link(account, token)
            ids.append(account.pk)
        pool.settle(account_ids=ids, cause="linked", now=now)


def later() -> None:
    """Let some of them do something: open the page, go to the channel, renew; two addresses are parked, one person leaves."""
    from django.utils import timezone

    from accounts.campaigns import stages
    from accounts.models import CampaignLogIn
    from tokens.models import Token
    from users import refused_addresses
    from users.models import User

    now = timezone.now()
    tokens = list(
        CampaignLogIn.objects.filter(token__consented_by__email__endswith=DOMAIN, stage="sent")
        .order_by("token__pk")
        .values_list("token", flat=True)
    )
    for token in tokens[2:8]:
        stages.note_opened(token_id=token, now=now)
    stages.note_at_channel(token_ids=tokens[6:8], now=now)
    stages.note_trouble(token_id=tokens[7], trouble="stopped")
    Token.objects.filter(pk__in=tokens[9:20]).update(
        linked_at=now, state="valid", reason="", deadline=now + timedelta(days=60), deadline_kind="date"
    )
    for name in ("yusuf", "anton"):
        refused_addresses.note(
            f"{name}@{DOMAIN}", said="550 5.1.1 unknown", now=now, why=refused_addresses.Why.BOUNCED
        )
    User.objects.filter(email=f"zita@{DOMAIN}").update(is_active=False)
    stages.settle(now=now)


if __name__ == "__main__":
    django.setup()
    (later if "later" in sys.argv else build)()

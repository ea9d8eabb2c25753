"""`python -m tests.e2e.campaigners DOMAIN [later]`, in the product's environment: 30 people whose log-ins end soon, and what some do.

The rows are written as tests write them, by tests/support/factories.py. One of them, Nils, is the stand-in channel's Emil Novak.
"""

import sys
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import django


@dataclass(frozen=True)
class Campaign:
    """30 people of a domain, and of Nils at the stand-in channel: his id, and that of an ad account of his, Fern Gardens."""

    domain: str
    channel: str
    emil: str
    fern: str

    @property
    def nils(self) -> str:
        """The address of Nils."""
        return f"nils@{self.domain}"


CAMPAIGNS = (
    Campaign("agentur-nord.example", "facebook", "10163348207715930", "318204957716203"),
    Campaign("agentur-sued.example", "linkedin", "xT9cJf2GuA", "509314782"),
)
FIRST = [
    "Nils", "Aina", "Bruno", "Clara", "Derya", "Elif", "Fritz", "Greta", "Hanno", "Ines", "Jonas", "Katja", "Lotte", "Malik", "Nora",
    "Oskar", "Paula", "Quirin", "Rosa", "Sami", "Thea", "Udo", "Vera", "Wim", "Xenia", "Yusuf", "Zita", "Anton", "Birte", "Carlo",
]  # fmt: skip
CLIENTS = ("Nordlicht Optik", "Hafen Kaffee", "Blau Reisen", "Kranich Verlag", "Alster Räder", "Möwe Mode")


def build(campaign: Campaign) -> None:
    """Write 30 people with a log-in each, in an account or two that end within 30 days; four of them have stopped."""
    from django.db import transaction
    from django.utils import timezone

    from accounts.pool import services as pool

    with transaction.atomic():
        ids = [_person(campaign, place, first) for place, first in enumerate(FIRST)]
        pool.settle(account_ids=ids, cause="linked", now=timezone.now())


def _person(campaign: Campaign, place: int, first: str) -> int:
    """Write one of them, and return the account that the log-in carries."""
    from django.utils import timezone

    from accounts.models import Account
    from tests.support import factories

    now, day, is_nils = timezone.now(), timedelta(days=1), place == 0
    name = f"{first} {('Petersen', 'Wagner', 'Yılmaz')[place % 3]}"
    facts: dict[str, Any] = {"native_user_name": name, "deadline": now + (2 + place) * day}
    if place % 8 == 3:
        facts |= {"deadline": None, "state": "dead", "state_since": now - day}
    account = None
    if is_nils:
        facts |= {"native_user_id": campaign.emil, "native_user_name": "Emil Novak"}
        account = Account.objects.filter(channel=campaign.channel, native_id=campaign.fern).first()
    called: dict[str, Any] = (
        {"native_id": campaign.fern, "name": "Fern Gardens"}
        if is_nils
        else {"name": f"{CLIENTS[place % 6]} {1 + place // 6}"}
    )
    account = account or factories.make_account(campaign.channel, **called)
    person = factories.make_user(f"{first.lower()}@{campaign.domain}", name=name, password="")
    long_ago = now - 50 * day
    token = factories.make_token(
        factories.make_app(campaign.channel), consented_by=person, linked_at=long_ago, first_linked_at=long_ago, **facts
    )  # fmt: skip
    factories.link(account, token)
    return account.pk


def later(campaign: Campaign) -> None:
    """Let some of them do something: open the page, go to the channel, renew; two addresses are parked, one person leaves."""
    from django.utils import timezone

    from accounts.asks import progress
    from accounts.models import AskLine
    from tokens.models import Token
    from users.addresses import services as refused_addresses
    from users.models import User

    now = timezone.now()
    tokens = list(
        AskLine.objects.filter(token__consented_by__email__endswith=campaign.domain, stage="sent")
        .order_by("token__pk")
        .values_list("token", flat=True)
    )
    for token in tokens[2:8]:
        progress.note_opened(token_ids=[token], now=now)
    progress.note_at_channel(token_ids=tokens[6:8], now=now)
    progress.note_trouble(token_ids=[tokens[7]], trouble="stopped")
    Token.objects.filter(pk__in=tokens[9:20]).update(
        linked_at=now, state="valid", reason="", deadline=now + timedelta(days=60), deadline_kind="date"
    )
    for name in ("yusuf", "anton"):
        refused_addresses.park_address(
            f"{name}@{campaign.domain}", said="550 5.1.1 unknown", now=now, why=refused_addresses.Why.BOUNCED
        )
    User.objects.filter(email=f"zita@{campaign.domain}").update(is_active=False)
    progress.settle_asks(now=now)


if __name__ == "__main__":
    django.setup()
    chosen = next(one for one in CAMPAIGNS if one.domain in sys.argv)
    (later if "later" in sys.argv else build)(chosen)

"""A few accounts of a channel whose requests are signed here: for the signature's figures alone, and gone afterwards."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils import timezone

from accounts.models import Account, AccountToken
from accounts.pool import services as pool
from tokens.channels.addresses import configured
from tokens.models import ChannelApp, Token
from tokens.vault import services as vault
from users.models import Team

CHANNEL = "x"
NATIVE_IDS = [f"18ce54d{number:04d}" for number in range(100)]


@contextmanager
def filled() -> Iterator[None]:
    """Have these accounts while what is inside runs. They come after all others, so ids count on from 1 without them."""
    app = ChannelApp(channel=CHANNEL, client_id="benchmark-x", state=ChannelApp.State.LIVE)
    app.set_secrets(["s" * 32])
    app.save()
    team, now = Team.objects.order_by("pk").last(), timezone.now()
    assert team is not None  # the other data has made some
    ids = []
    for native_id in NATIVE_IDS:
        sealed = vault.seal(app.token_owner(native_id), {"access_token": "t" * 50, "secret": "s" * 45})
        token = Token.objects.create(
            app=app, native_user_id=native_id, credentials=sealed, issued_at=now, last_used_at=now
        )
        account = Account.objects.create(channel=CHANNEL, native_id=native_id, name=native_id, team=team)
        AccountToken.objects.create(account=account, token=token, can_publish="yes")
        ids.append(account.pk)
    with transaction.atomic():
        pool.settle(account_ids=ids, cause="imported", now=now)
    try:
        yield
    finally:
        Account.objects.filter(channel=CHANNEL).delete()
        Token.objects.filter(app=app).delete()
        app.delete()


def request(native_id: str) -> str:
    """Return the body that asks for the signature of one request about an account."""
    base = f"{configured('X_ADS_URL')}/{configured('X_ADS_VERSION')}"
    url = f"{base}/accounts/{native_id}/campaigns"
    return json.dumps({"method": "POST", "url": url, "params": {"name": "Autumn"}})

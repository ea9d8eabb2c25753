"""The addresses that operators enter at a channel so that it pushes to us, and the words that belong to them.

Verify tokens and address keys are derived from SECRET_KEY for each app, so that nothing new is stored and a new app secret changes no
address. Both survive a change of SECRET_KEY for as long as the old one is in SECRET_KEY_FALLBACKS.
"""

from collections.abc import Iterator

from django.conf import settings
from django.utils.crypto import salted_hmac

from tokens.models import ChannelApp, ChannelKey

VERIFY_TOKEN = "push.verify_token"  # noqa: S105  # what a derived word is for, not the word
ADDRESS_KEY = "push.address_key"


def derived(app: ChannelApp, purpose: str) -> list[str]:
    """Return the app's words for a purpose: the present one first, then those of older secret keys. Each has 40 hex digits."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        salted_hmac(purpose, app.owner, secret=secret, algorithm="sha256").hexdigest()[:40]
        for secret in secrets
    ]


def to_enter(app: ChannelApp) -> list[tuple[str, str]]:
    """Return what operators enter at the channel: (the field's name there, the value). Empty where the channel pushes nothing."""
    return list(_to_enter(app)) if app.pk else []


def tiktok_webhook(app: ChannelApp) -> str:
    """Return the address for subscriptions at TikTok. It holds the app's key, because nothing else proves who calls."""
    return f"{_base(app)}/webhook/{derived(app, ADDRESS_KEY)[0]}/"


def _base(app: ChannelApp) -> str:
    return f"{(app.redirect_base or settings.BASE_URL).rstrip('/')}/push/{app.channel}"


def _to_enter(app: ChannelApp) -> Iterator[tuple[str, str]]:
    base = _base(app)
    if app.channel == ChannelKey.FACEBOOK:
        yield "Deauthorise callback URL", f"{base}/deauthorise/"
        yield "Data deletion request URL", f"{base}/delete/"
        yield "Webhook of Permissions, callback URL", f"{base}/webhook/"
        yield "Webhook of Permissions, verify token", derived(app, VERIFY_TOKEN)[0]
    elif app.channel == ChannelKey.X:
        yield "Webhook URL", f"{base}/webhook/{app.pk}/"
    elif app.channel == ChannelKey.TIKTOK:
        yield "Callback URL of subscriptions", tiktok_webhook(app)

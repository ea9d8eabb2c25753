"""The addresses that operators enter at a channel so that it pushes to us, and the words that belong to them.

Verify tokens and address keys are derived from SECRET_KEY for each app, so that nothing new is stored and a new app secret changes no
address. Both survive a change of SECRET_KEY for as long as the old one is in SECRET_KEY_FALLBACKS.
"""

from django.conf import settings
from django.utils.crypto import salted_hmac

from tokens.channels import registry
from tokens.channels.pushes import PushPlace
from tokens.models import ChannelApp

VERIFY_TOKEN = "push.verify_token"  # noqa: S105  # what a derived word is for, not the word
ADDRESS_KEY = "push.address_key"


def derived(app: ChannelApp, purpose: str) -> list[str]:
    """Return the app's words for a purpose: the present one first, then those of older secret keys. Each has 40 hex digits."""
    secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
    return [
        salted_hmac(purpose, app.owner, secret=secret, algorithm="sha256").hexdigest()[:40]
        for secret in secrets
    ]


def place(app: ChannelApp) -> PushPlace:
    """Return what the addresses of an app are made of. The app must be saved."""
    base = f"{(app.redirect_base or settings.BASE_URL).rstrip('/')}/push/{app.channel}"
    return PushPlace(base, app.pk, derived(app, VERIFY_TOKEN)[0], derived(app, ADDRESS_KEY)[0])


def to_enter(app: ChannelApp) -> list[tuple[str, str]]:
    """Return what operators enter at the channel: (the field's name there, the value). Empty where the channel pushes nothing."""
    pushes = registry.get(app.channel).pushes if app.pk else None
    if pushes is None:
        return []
    return list(pushes.to_enter(place(app)))

"""Renewing one token at once, as staff asked: the call outside any transaction, the record by lifecycle."""

from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from accounts import faces
from accounts.errors import DeedRefused
from tokens import channels, lifecycle
from tokens.channels.base import ChannelError
from tokens.models import Token
from tokens.vault import VaultError
from users.models import User


@dataclass(frozen=True)
class Renewal:
    """What became of it, in words for a message."""

    moved: bool
    text: str


def renew(*, token: Token, actor: User, now: datetime) -> Renewal:
    """Ask the channel to renew the token and say whether its date moved. Raises DeedRefused where that cannot be asked."""
    channel = token.app.channel
    label = faces.channel_name(channel)
    try:
        package = channels.get(channel)
        grant = package.renew(token.app.keys(), token.unseal())
    except ChannelError as error:
        raise DeedRefused(f"{label} did not renew it ({error}). Nothing was changed.") from error
    except (VaultError, ValueError) as error:
        raise DeedRefused(f"It cannot be renewed: {error}") from error
    except channels.UnknownChannel as error:
        raise DeedRefused(f"{label} is not part of this installation.") from error
    if grant is None:
        raise DeedRefused(f"{label} renews nothing without a person. Ask the person to re-authenticate.")
    moved = lifecycle.record_renewal(
        token_id=token.pk, generation=token.generation, grant=grant, now=now, source="staff", actor=actor
    )
    token.refresh_from_db()
    if not moved:
        return Renewal(moved=False, text=f"{label} answered, but the end date did not move.")
    if token.deadline is None:
        return Renewal(moved=True, text="Renewed.")
    when = faces.moment(token.deadline, zone=timezone.get_current_timezone()).full
    return Renewal(moved=True, text=f"Renewed. It works until {when} now.")

"""Starting the handshake: who may, and for which account."""

from collections.abc import Callable, Mapping
from typing import Any

from allauth.socialaccount.adapter import get_adapter
from django.http import HttpRequest, HttpResponse

from accounts.linking import errors, services
from accounts.linking import queries as setup
from accounts.models import Account, LinkProblem
from tokens.channels import registry
from tokens.channels.kinds import ChannelError
from users.installation import hold


def start_handshake(
    request: HttpRequest, channel: str, *, account: Account | None = None, again: bool = False
) -> HttpResponse:
    """Send a person who is logged in to the channel; `account`: which they came for. Raises OnHold."""
    data = {
        "intent": services.LINK_INTENT,
        "user": str(request.user.pk),
        "account": account.pk if account else None,
    }
    return leave_for_channel(request, channel, data, again=again)


def leave_for_channel(
    request: HttpRequest,
    channel: str,
    data: Mapping[str, Any],
    *,
    again: bool = True,
    note: Callable[[], None] | None = None,
) -> HttpResponse:
    """Go to the consent page of the channel's app; `note` puts that down. Raises OnHold where the way back would not be taken.

    `data`: what the handshake is about, "user" the person it is for. It travels in the server-side state only. `again` asks the channel to
    show permissions that were declined before.
    """
    hold.refuse()
    errors.note_handshake(request, data)
    app = setup.default_app(channel)
    if app is None or not app.secret_opens:
        return errors.show_error(request, channel, LinkProblem.Kind.NOT_SET_UP)
    if note is not None:
        note()
    data = {**data, "client_id": app.client_id}
    errors.note_handshake(request, data)
    provider = get_adapter(request).get_provider(request, channel)
    try:
        answer: HttpResponse = provider.redirect(
            request,
            process="redirect",
            data=data,
            auth_params=registry.get(channel).authorize_params(again=again),
        )
    except ChannelError as error:
        return errors.show_failure(request, channel, exception=error)
    return answer

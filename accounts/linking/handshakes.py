"""Starting the handshake: who may, for which account, and where it leads afterwards."""

from collections.abc import Callable, Mapping
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.socialaccount.adapter import get_adapter
from django.http import HttpRequest, HttpResponse

from accounts.linking import errors, services
from accounts.linking import queries as setup
from accounts.models import Account, LinkProblem
from tokens.channels import registry
from tokens.channels.kinds import ChannelError
from users.installation import hold

LONGEST_NEXT = 300  # characters; the column of a pending link takes no more


def _may_lead_to(request: HttpRequest, next_url: str) -> bool:
    """Return whether the address is one of our paths and fits its column: the consent must not be lost over it when the person comes back.

    A word without a slash is an address relative to the callback, and a name of a view for `redirect`: neither is meant.
    """
    fits = next_url.startswith("/") and next_url.isprintable() and len(next_url) <= LONGEST_NEXT
    return fits and bool(get_account_adapter(request).is_safe_url(next_url))


def start_handshake(
    request: HttpRequest,
    channel: str,
    *,
    account: Account | None = None,
    next_url: str = "",
    again: bool = False,
) -> HttpResponse:
    """Send a person who is logged in to the channel; `account`: which they came for. Raises OnHold."""
    if not _may_lead_to(request, next_url):
        next_url = ""
    data = {
        "intent": services.LINK_INTENT,
        "user": str(request.user.pk),
        "account": account.pk if account else None,
    }
    return leave_for_channel(request, channel, data, next_url=next_url, again=again)


def leave_for_channel(
    request: HttpRequest,
    channel: str,
    data: Mapping[str, Any],
    *,
    next_url: str = "",
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
            next_url=next_url or None,
            data=data,
            auth_params=registry.get(channel).authorize_params(again=again),
        )
    except ChannelError as error:
        return errors.show_failure(request, channel, exception=error)
    return answer

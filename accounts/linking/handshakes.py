"""Starting the handshake: who may, for which account, and where it leads afterwards."""

from collections.abc import Callable, Mapping
from typing import Any

from allauth.account.adapter import get_adapter as get_account_adapter
from allauth.socialaccount.adapter import get_adapter
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from accounts.asks import progress
from accounts.linking import errors, services
from accounts.linking import queries as setup
from accounts.models import Account, LinkProblem
from tokens.channels import registry
from tokens.channels.kinds import ChannelError
from tokens.models import ChannelApp
from users.installation import hold
from users.models import person

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
    log_in: str = "",
) -> HttpResponse:
    """Send the person to the channel. Intent, user, client id and target account travel in the server-side state only.

    `again` asks the channel to show permissions that were declined before; `log_in`: which of the own log-ins in the account a mail named.
    Raises OnHold where the way back would not be taken.
    """
    hold.refuse()
    app = setup.default_app(channel)
    if app is None:
        return errors.show_error(request, channel, LinkProblem.Kind.NOT_SET_UP)
    if not _may_lead_to(request, next_url):
        next_url = ""
    data: dict[str, Any] = {
        "intent": services.LINK_INTENT,
        "user": str(request.user.pk),
        "account": account.pk if account else None,
    }
    if account and (mine := services.log_ins_to_renew(person(request), account, log_in)):
        data[services.LOG_INS] = mine
        progress.note_at_channel(token_ids=mine, now=timezone.now())
    return leave_for_channel(request, app, data, next_url=next_url, again=again)


def leave_by_link(
    request: HttpRequest, channel: str, data: Mapping[str, Any], *, note: Callable[[], None]
) -> HttpResponse:
    """Send whoever pressed a mailed link to a channel; `note` puts that down. Raises OnHold where the way back would not be taken."""
    hold.refuse()
    errors.note_handshake(request, data)
    app = setup.default_app(channel)
    if app is None or setup.channel_state(channel) != setup.READY:
        return errors.show_error(request, channel, LinkProblem.Kind.NOT_SET_UP)
    note()
    return leave_for_channel(request, app, data, again=True)


def leave_for_channel(
    request: HttpRequest,
    app: ChannelApp,
    data: Mapping[str, Any],
    *,
    next_url: str = "",
    again: bool = False,
) -> HttpResponse:
    """Go to the consent page of a channel's app. `data`: what the handshake is about, "user" the person it is for."""
    data = {**data, "client_id": app.client_id}
    errors.note_handshake(request, data)
    provider = get_adapter(request).get_provider(request, app.channel)
    try:
        answer: HttpResponse = provider.redirect(
            request,
            process="redirect",
            next_url=next_url or None,
            data=data,
            auth_params=registry.get(app.channel).authorize_params(again=again),
        )
    except ChannelError as error:
        return errors.show_failure(request, app.channel, exception=error)
    return answer

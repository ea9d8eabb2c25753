"""Connect a vendor SDK: staff make a credential for an account, which is shown once with the lines that set the channel's client up."""

from typing import Any

from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.models import Account, AccountEvent, ApiKey
from accounts.pool.permissions import ADD_API_KEY
from accounts.pool.services import record_event
from broker.gate.credentials import ends_at
from broker.gate.forms import CredentialForm
from broker.gate.minting import Minted, mint
from portal import access
from ui import dates
from users.models import User, person


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def connect(request: HttpRequest, account_id: int) -> HttpResponse:
    """Ask by which key and what for (GET), make the credential and show it once (POST). Without a key: on to the page that makes one."""
    access.require(request, ADD_API_KEY)
    account = access.account(request, account_id)
    keys = _keys(account, person(request))
    if not keys.exists():
        messages.info(request, gettext("No API key may use the gate for this account yet. Make one first."))
        return HttpResponseRedirect(f"{reverse('admin:accounts_apikey_add')}?account={account.pk}")
    form = CredentialForm(request.POST if request.method == "POST" else None, keys=keys)
    made = _make(account, form.cleaned_data, person(request)) if form.is_valid() else None
    context: dict[str, Any] = {
        **access.frame_of(account)(request),
        "title": gettext("Connect a vendor SDK"),
        "crumb": gettext("Connect a vendor SDK"),
        "account": account,
        "form": form,
        "back": reverse("admin:accounts_account_change", args=[account.pk]),
    }
    if made:
        until = dates.day(timezone.localtime(made.expires_at))
        context |= {
            "secret": made.text,
            "base": made.base_url,
            "client": "\n".join(made.client),
            "until": until,
        }
    return TemplateResponse(request, "portal/api_key.html", context)


def _keys(account: Account, viewer: User) -> QuerySet[ApiKey]:
    """Return the keys within the viewer's reach that may use the gate for an account."""
    of_channel = Q(channels=[]) | Q(channels__contains=[account.channel])
    keys = ApiKey.objects.visible_to(viewer).in_use(timezone.now())
    return keys.filter(of_channel, scopes__contains=[ApiKey.Scope.GATE], teams=account.team_id)


def _make(account: Account, said: dict[str, Any], maker: User) -> Minted:
    now = timezone.now()
    made = mint(key=said["key"], account=account, purpose=said["purpose"], ends_at=ends_at(now, said["days"]))
    kind = AccountEvent.Kind.CREDENTIAL
    record_event(account=account, kind=kind, actor=maker, note=said["key"].name, now=now)
    return made

"""Adding a system user's token: pasted by staff with their own permission, looked at before it is kept."""

from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from accounts.linking import consent as system_users
from accounts.pool.errors import ActionRefused
from portal import access
from portal.forms import SystemUserForm
from tokens.models import Token
from users.models import person

PERMISSION = "tokens.add_system_user"


@never_cache
@sensitive_post_parameters("access_token")
def add(request: HttpRequest) -> HttpResponse:
    """Ask for app, team and token (GET); take the token in and lead to the choice of ad accounts (POST)."""
    access.require(request, PERMISSION)
    if request.method not in {"GET", "HEAD", "POST"}:
        return HttpResponseNotAllowed(["GET", "POST"])
    form = SystemUserForm(request.POST if request.method == "POST" else None, viewer=request.user)
    if request.method == "POST" and form.is_valid():
        try:
            pending = system_users.take(**form.cleaned_data, actor=person(request), now=timezone.now())
        except ActionRefused as refusal:
            form.add_error("access_token", str(refusal))
        else:
            return HttpResponseRedirect(reverse("link_choose", args=[pending.pk]))
    context = {
        **access.frame_of(Token)(request),
        "title": gettext("Add a system user"),
        "form": form,
        "back": reverse("admin:tokens_token_changelist"),
    }
    return TemplateResponse(request, "portal/system_user.html", context)

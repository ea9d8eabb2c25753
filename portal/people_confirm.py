"""The confirm page of a deed on one person or invitation: GET shows it, POST does it."""

from collections.abc import Callable, Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse

from users.invitations import InvitationError


def confirmed(
    model_admin: "admin.ModelAdmin[Any]",
    request: HttpRequest,
    object_id: str,
    *,
    question: str,
    effect: str,
    button: str,
    do: Callable[[Any], str],
    danger: bool = False,
    points: Sequence[str] = (),
    after: str = "",
) -> HttpResponse:
    """Show the question (GET), or do the deed and go back with its message (POST).

    `question` has one place for the object's name; `do` returns the message, or raises InvitationError whose text is
    shown. `points` stand below the effect, one a line; `after` is where the deed leads, where the object's own page is gone.
    404 for what does not exist, 403 for what one may not see.
    """
    found: Model | None = model_admin.get_object(request, object_id)
    if found is None:
        raise Http404("There is no such row.")
    if not model_admin.has_view_permission(request, found):
        raise PermissionDenied
    options = model_admin.model._meta  # noqa: SLF001  # Django's documented API
    back = reverse(f"admin:{options.app_label}_{options.model_name}_change", args=[found.pk])
    if request.method == "POST":
        try:
            messages.success(request, do(found))
        except InvitationError as error:
            messages.error(request, str(error))
        return redirect(after or back)
    name = str(found)
    context = {
        **model_admin.admin_site.each_context(request),
        "opts": options,
        "original": found,
        "title": question.format(name[0].lower() + name[1:] if name.startswith("Invitation") else name),
        "effect": effect,
        "points": points,
        "button": button,
        "danger": danger,
        "back": back,
    }
    return TemplateResponse(request, "portal/people/confirm.html", context)

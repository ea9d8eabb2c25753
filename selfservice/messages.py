"""The page behind "Why this mail?", for the person who got it. Staff have the same under Messages."""

from django.contrib.auth.decorators import login_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from notifications import kinds
from notifications.models import Message


@require_safe
@login_required
def why_message(request: HttpRequest, message_id: int) -> HttpResponse:
    """Say why a message was sent, or was not. Another person's message answers 404."""
    message = Message.objects.select_related("team").filter(pk=message_id).first()
    if message is None or message.recipient != getattr(request.user, "email", ""):
        raise Http404
    shown = {"message": message, "facts": kinds.why(message), "because": kinds.because(message)}
    return render(request, "selfservice/why.html", shown)

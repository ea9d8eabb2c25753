"""How far a request to delete is: the page whose address a channel shows to the person who asked."""

from collections.abc import Iterator

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import URLPattern, path
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from tokens.channels.registry import CHANNELS
from tokens.models import DeletionRequest


@require_GET
@never_cache
def deletion_status(request: HttpRequest, code: str) -> HttpResponse:
    """Show how far a request to delete is. Whoever holds the code may see it; it names nobody."""
    found = get_object_or_404(DeletionRequest.objects.select_related("app"), code=code)
    context = {"deletion": found, "channel": found.app.get_channel_display()}
    return render(request, "selfservice/deletion.html", context)


def addresses() -> Iterator[URLPattern]:
    """Return where the page is, for each channel that asks for one: beside what the channel pushes to."""
    for key, channel in CHANNELS.items():
        if channel.pushes is not None and channel.pushes.deletion_page:
            yield path(f"push/{key}/deletion/<slug:code>/", deletion_status, name="deletion_status")

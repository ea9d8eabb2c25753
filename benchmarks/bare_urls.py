"""All addresses of AdToken, and `bare`, which answers a constant."""

from django.http import HttpRequest, JsonResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from adtoken_project.urls import urlpatterns as adtoken_urls


@csrf_exempt  # as the API's addresses are
def bare(request: HttpRequest) -> JsonResponse:  # noqa: ARG001  # a view's interface
    """Answer what any Django view could answer at best."""
    return JsonResponse({"ok": True})


urlpatterns = [path("bare", bare), *adtoken_urls]

"""All addresses."""

from django.contrib import admin
from django.urls import include, path

from adtoken_project import health
from adtoken_project.api import api, unknown

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("healthz", health.healthz),
    path("admin/", admin.site.urls),
    path("api/v1/", api.urls),
    path("api/v1/<path:rest>", unknown),
    path("accounts/", include("users.account_urls")),
    path("link/", include("tokens.urls")),
    path("push/", include("accounts.pushes.urls")),
    path("", include("users.urls")),
    path("", include("accounts.urls")),
    path("", include("notifications.urls")),
]

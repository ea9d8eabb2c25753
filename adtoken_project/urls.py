"""All addresses."""

from django.contrib import admin
from django.urls import include, path, re_path

from adtoken_project.api import oauth
from adtoken_project.api.application import api, unknown
from adtoken_project.api.scim import scim
from adtoken_project.ops import health, metrics
from adtoken_project.ops.views import receive_mail_events
from tokens import views as channel_colours

handler500 = "adtoken_project.web.views.server_error"

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("healthz", health.healthz),
    path("metrics", metrics.page),
    path("channels.css", channel_colours.style_sheet, name="channel_colours"),
    path("admin/", admin.site.urls),
    path(oauth.PATH[1:], oauth.token),
    path("api/v1/", api.urls),
    path("api/scim/v2/", scim.urls),
    re_path("^api/(?P<rest>.*)$", unknown),
    path("i18n/", include("django.conf.urls.i18n")),
    path("accounts/company/", include("users.company.urls")),
    path("accounts/", include("users.login.urls")),
    path("link/", include("tokens.urls")),
    path("mail/events/<str:service>/", receive_mail_events, name="mail_events"),
    path("push/", include("accounts.pushes.urls")),
    path("", include("users.urls")),
    path("", include("selfservice.urls")),
    path("", include("selfservice.message_urls")),
]

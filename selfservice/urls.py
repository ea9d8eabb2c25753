"""Addresses of the self-service pages."""

from django.urls import include, path

from accounts.backups import views as backups
from accounts.client_links import views as client_links
from accounts.leaving import views as log_ins
from accounts.linking.views import check_account, reauthenticate
from accounts.renewal_links import views as renewal_views
from macros.why import views as why
from selfservice import views
from selfservice.views import open_account

urlpatterns = [
    path("", views.my_accounts, name="my_accounts"),
    path("open/<int:account_id>/", open_account, name="open_account"),
    path("my/log-ins/", log_ins.log_ins, name="log_ins"),
    path("my/log-ins/remove/", log_ins.remove, name="remove_log_ins"),
    path("my/backups/", backups.requests, name="backup_requests"),
    path("my/<int:account_id>/", views.my_account, name="my_account"),
    path("my/<int:account_id>/reauthenticate/", reauthenticate, name="reauthenticate"),
    path("my/<int:account_id>/why/", why.why_not_me, name="why_not_me"),
    path("my/<int:account_id>/give-up/", log_ins.give_up, name="give_up_account"),
    path("my/<int:account_id>/check/", check_account, name="check_account"),
    path("channels/", views.channel_needs, name="channel_needs"),
    path("channels/<slug:channel>/", views.channel_page, name="channel_page"),
    path("link/", include("accounts.linking.urls")),
    path("backups/invite/", backups.invite, name="invite_backup"),
    path("client-links/", client_links.make, name="client_links"),
    path("client-links/<int:link_id>/", client_links.show, name="client_link_of"),
    path("client-links/<int:link_id>/revoke/", client_links.revoke, name="revoke_client_link"),
    path("give-access/choose/<uuid:pending_id>/", client_links.choose, name="client_choose"),
    path("give-access/done/<uuid:pending_id>/", client_links.done, name="client_done"),
    path("give-access/<signed>/", client_links.give_access, name="client_link"),
    path("renew/done/", renewal_views.done, name="renewed"),
    path("renew/<signed>/", renewal_views.renew, name="renew"),
    path("renew/<signed>/opened/", renewal_views.opened, name="renew_opened"),
    path("renew/<signed>/again/", renewal_views.send_again, name="renew_send_again"),
    *views.addresses(),
]

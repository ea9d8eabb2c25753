"""Addresses of linking. The callbacks of the channels are in tokens.urls, under the same prefix."""

from django.urls import path

from accounts.linking import views

urlpatterns = [
    path("", views.add_account, name="add_account"),
    path("done/", views.linked, name="linked"),
    path("choose/<uuid:pending_id>/", views.choose, name="link_choose"),
    path("<slug:channel>/", views.link, name="link"),
]

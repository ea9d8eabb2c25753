"""Addresses that the channels push to."""

from django.urls import path

from accounts.pushes import views

urlpatterns = [
    path("facebook/deauthorise/", views.facebook_deauthorise, name="push_facebook_deauthorise"),
    path("facebook/delete/", views.facebook_delete, name="push_facebook_delete"),
    path("facebook/deletion/<slug:code>/", views.deletion_status, name="deletion_status"),
    path("facebook/webhook/", views.facebook_webhook, name="push_facebook_webhook"),
    path("x/webhook/", views.x_webhook, name="push_x_webhook"),
    path("x/webhook/<int:app_id>/", views.x_webhook, name="push_x_webhook_of"),
    path("tiktok/webhook/<slug:key>/", views.tiktok_webhook, name="push_tiktok_webhook"),
]

"""Addresses of the company's log-in, below /accounts/company/."""

from django.urls import path

from users.company import views

urlpatterns = [
    path("", views.log_in, name="company_log_in"),
    path("again/", views.again, name="company_again"),
    path("callback/", views.come_back, name="company_callback"),
]

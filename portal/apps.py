"""The portal app."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class PortalConfig(AppConfig):
    """The staff portal. Django imports `portal.admin`, which registers every list."""

    name = "portal"
    verbose_name = "Portal"
    default = True


class AdminSiteConfig(admin_apps.AdminConfig):
    """Django's admin with our site as the default one."""

    default = False  # named in INSTALLED_APPS in place of django.contrib.admin
    default_site = "portal.site.AdTokenAdminSite"

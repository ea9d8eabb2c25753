"""The portal app."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy


class PortalConfig(AppConfig):
    """The staff portal. Django imports `portal.admin`, which registers every list."""

    name = "portal"
    verbose_name = gettext_lazy("Portal")
    default = True

    def ready(self) -> None:
        """Say how the test mail of the first steps is built."""
        from portal.start import first_steps

        first_steps.register()


class AdminSiteConfig(admin_apps.AdminConfig):
    """Django's admin with our site as the default one."""

    default = False  # named in INSTALLED_APPS in place of django.contrib.admin
    default_site = "portal.site.AdTokenAdminSite"

"""The root as an app: it composes what the apps define."""

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AdTokenConfig(AppConfig):
    """The composed admin, management commands of the whole, system checks."""

    name = "adtoken_project"
    verbose_name = "AdToken"

    def ready(self) -> None:
        """Refuse settings that are unsafe, and connect what the root carries between apps that do not know each other."""
        from django.db.models.signals import post_migrate

        from adtoken_project import (
            error_reports,
            first_steps,
            grants,
            groups,
            invitations,
            late_mail,
            login_mails,
            safe_start,
            schedules,
            tracing,
        )
        from users import retention

        safe_start.refuse()
        error_reports.start()
        tracing.start()

        invitations.register()
        login_mails.register()
        late_mail.register()
        first_steps.register()
        post_migrate.connect(groups.after_migrate, dispatch_uid="adtoken_project.groups")
        post_migrate.connect(grants.apply, sender=self, dispatch_uid="adtoken_project.grants")
        post_migrate.connect(retention.install, sender=self, dispatch_uid="adtoken_project.retention")
        post_migrate.connect(schedules.install, sender=self, dispatch_uid="adtoken_project.schedules")


class PortalConfig(admin_apps.AdminConfig):
    """Django's admin with our site as the default one."""

    default = False  # named in INSTALLED_APPS in place of django.contrib.admin
    default_site = "adtoken_project.admin_site.AdTokenAdminSite"

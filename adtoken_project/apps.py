"""The root as an app: it composes what the apps define."""

from django.apps import AppConfig


class AdTokenConfig(AppConfig):
    """The composed admin, management commands of the whole, system checks."""

    name = "adtoken_project"
    verbose_name = "AdToken"

    def ready(self) -> None:
        """Connect what the root carries between apps that do not know each other."""
        from django.db.models.signals import post_migrate

        from adtoken_project import groups, invitations

        invitations.register()
        post_migrate.connect(groups.after_migrate, dispatch_uid="adtoken_project.groups")

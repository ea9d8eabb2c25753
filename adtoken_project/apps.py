"""The root as an app: it composes what the apps define."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

from django.apps import AppConfig
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

NO_SENTRY = (
    "SENTRY_DSN is set, but its package is not installed: pip install sentry-sdk, or remove the setting."
)
NO_OPENTELEMETRY = (
    "OTEL_EXPORTER_OTLP_ENDPOINT is set, but OpenTelemetry is not installed: "
    "pip install what docs/operations.md names, or remove the setting."
)

# From here, where all apps are known and no model is loaded, until all are ready: what is loaded stays, and the garbage collector walked
# through it again and again, for a quarter of the time.
_collects = gc.isenabled()
gc.disable()


class AdTokenConfig(AppConfig):
    """The composed admin, management commands of the whole, system checks."""

    name = "adtoken_project"
    verbose_name = "AdToken"

    def ready(self) -> None:
        """Refuse settings that are unsafe, and connect what the root carries between apps that do not know each other."""
        from django.db.models.signals import post_migrate

        from adtoken_project.ops import lateness
        from adtoken_project.ops import start_page as operations_notices
        from adtoken_project.setup import grants, groups, safe_start
        from adtoken_project.workers import schedules

        safe_start.refuse()
        start_error_reports()
        start_traces()

        lateness.register_mail()
        operations_notices.register_notices()
        post_migrate.connect(groups.after_migrate, dispatch_uid="adtoken_project.setup.groups")
        post_migrate.connect(grants.grant_rights, sender=self, dispatch_uid="adtoken_project.setup.grants")
        post_migrate.connect(
            schedules.install_schedules, sender=self, dispatch_uid="adtoken_project.workers.schedules"
        )
        gc.freeze()  # it stays: the collector walked through it once more as each process ended, for 0.3 s
        if _collects:
            gc.enable()


def start_error_reports() -> None:
    """Report errors, where SENTRY_DSN is set. Raises ImproperlyConfigured where the optional package is missing."""
    if settings.SENTRY_DSN:
        with _installed(NO_SENTRY):
            from adtoken_project.telemetry import error_reports
        error_reports.start_error_reports()


def start_traces() -> None:
    """Export spans, where the settings say so. Raises ImproperlyConfigured where the optional packages are missing."""
    if settings.TRACES:
        with _installed(NO_OPENTELEMETRY):
            from adtoken_project.telemetry import traces
        traces.start_traces()


@contextmanager
def _installed(otherwise: str) -> Iterator[None]:
    """Import what is inside, or refuse to start with these words."""
    try:
        yield
    except ModuleNotFoundError as error:
        raise ImproperlyConfigured(otherwise) from error

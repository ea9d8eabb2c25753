"""The accounts app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy


class AccountsConfig(AppConfig):
    """Ad accounts and their pools."""

    name = "accounts"
    verbose_name = gettext_lazy("Advertising")

    def ready(self) -> None:
        """Have each package register its mails and its jobs, and hear of what it follows."""
        from accounts.alerts import mails as alert_mails
        from accounts.api_keys import mails as api_key_mails
        from accounts.api_keys import services as api_keys
        from accounts.asks import inviting
        from accounts.asks import mails as ask_mails
        from accounts.asks import services as asks
        from accounts.backups import jobs as backups
        from accounts.checks import jobs as checking
        from accounts.imports import mails as import_mails
        from accounts.imports import services as imports
        from accounts.leaving import mails as leaving_mails
        from accounts.leaving import services as leaving
        from accounts.pool import jobs
        from accounts.sync import receivers

        receivers.connect()
        api_keys.connect()
        inviting.connect()
        jobs.register_jobs()
        asks.register_jobs()
        checking.register_job()
        backups.register_job()
        imports.register_job()
        leaving.register_jobs()
        leaving_mails.register_mail()
        import_mails.register_mail()
        ask_mails.register_mails()
        api_key_mails.register_mail()
        alert_mails.register_mail()

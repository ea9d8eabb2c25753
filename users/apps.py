"""The users app."""

from django.apps import AppConfig
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy


class UsersConfig(AppConfig):
    """People, teams, invitations."""

    name = "users"
    verbose_name = gettext_lazy("Users and teams")

    def ready(self) -> None:
        """Connect receivers, and refuse an open door."""
        from allauth.account import signals as account
        from allauth.mfa.signals import authenticator_added
        from django.contrib.auth.signals import user_logged_in
        from django.db.models.signals import post_save, pre_save

        from users.installation import hold
        from users.installation import services as installation
        from users.login import limits, second_factor
        from users.login.services import keep_email_row
        from users.people import languages
        from users.sessions import services as sessions
        from users.sessions.receivers import connect_records

        hold.reads_by(installation.compare_installation)
        authenticator_added.connect(second_factor.count_enrolment_as_shown, dispatch_uid="users.enrolment")
        pre_save.connect(
            second_factor.name_key, sender="mfa.Authenticator", dispatch_uid="users.login.second_factor"
        )
        post_save.connect(keep_email_row, sender="users.User", dispatch_uid="users.email_row")
        user_logged_in.connect(sessions.begin_session, dispatch_uid="users.session")
        user_logged_in.connect(languages.keep_guess, dispatch_uid="users.language")
        account.user_logged_in.connect(limits.remember_device, dispatch_uid="users.device")
        account.password_reset.connect(limits.forget_wrong_passwords, dispatch_uid="users.limits")
        account.authentication_step_completed.connect(
            sessions.renew_session_id, dispatch_uid="users.session_id"
        )
        connect_records()
        if second_factor.switched_off_in_earnest():
            raise ImproperlyConfigured(second_factor.SWITCH_REFUSED)

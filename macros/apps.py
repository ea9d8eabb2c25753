"""The macros app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MacrosConfig(AppConfig):
    """Rules, their evaluation, their mails."""

    name = "macros"
    verbose_name = _("Tools and Settings")

    def ready(self) -> None:
        """Say how the messages of macros are built, and how far ahead they warn: renewals come before."""
        from django.db.models.signals import post_delete, post_save, pre_delete

        from accounts import message_history as told_about
        from accounts import quiet
        from accounts.leaving import handing_over
        from macros import message_history, moved, new_address, receivers, windows
        from macros.mutes import services
        from macros.rules import job as on_many
        from macros.rules import owning
        from tokens.life import renewal
        from users.models import User
        from users.signals import address_changed

        _register_messages()
        told_about.register(message_history.about)
        pre_delete.connect(receivers.keep_name, sender="macros.MacroAction", dispatch_uid="macros.keep_name")
        pre_delete.connect(receivers.forget_macro, sender="macros.Macro", dispatch_uid="macros.forget_macro")
        post_save.connect(receivers.end_on_it, sender="users.User", dispatch_uid="macros.mutes.acknowledging")
        pre_delete.connect(
            receivers.end_on_it_of_deleted, sender="users.User", dispatch_uid="macros.mutes.acknowledging"
        )
        post_delete.connect(receivers.end_of_deleted, sender="users.User", dispatch_uid="macros.deleted")
        address_changed.connect(new_address.take_along, sender=User, dispatch_uid="macros.new_address")
        renewal.register_widest_warning(windows.widest)
        on_many.register()
        quiet.register(services.snoozes)
        handing_over.register(owning.names, owning.take_over)
        moved.register()


def _register_messages() -> None:
    from macros import message_history, new_address
    from macros.at_once import mails as news
    from macros.at_once import services as at_once
    from macros.mutes import mails, not_mine
    from macros.warnings import mails as warnings
    from macros.warnings import revalidation
    from macros.warnings import services as evaluation
    from notifications import kinds

    kinds.register(
        evaluation.KIND,
        warnings.build,
        name=_("Macro"),
        ended=revalidation.record_end,
        why=message_history.facts_of,
        asks=True,
        readdress=new_address.of_warnings,
    )
    kinds.register(
        at_once.KIND,
        news.build,
        name=_("What happened to accounts"),
        ended=at_once.record_end,
        why=message_history.facts_of,
        asks=True,
        readdress=at_once.readdress,
    )
    kinds.register(
        mails.KIND, mails.build, name=_("Said by the link of a mail"), ended=not_mine.record_end, asks=True
    )

"""The one receiver of tokens' news, and what follows when a person is deleted, or a team and its people change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.alerts import mails as alert_mail
from accounts.alerts import services as alerts
from accounts.api_keys import mails as api_key_mail
from accounts.asks import inviting, writing
from accounts.asks import mails as ask_mails
from accounts.calendars import services as calendars
from accounts.imports import mails as imported_mail
from accounts.leaving import mails as leaving_mails
from accounts.models import AccountToken, ApiKey
from accounts.pool import services as pool
from accounts.sync import reach
from notifications.outbox import kinds
from tokens.models import Token
from users.models import Membership, Team, User


def settle_changed(
    sender: Any,  # noqa: ARG001  # what a signal passes
    *,
    token_ids: Sequence[int],
    cause: str,
    now: datetime,
    source: str = "",
    died: Sequence[int] = (),
    **kwargs: Any,  # noqa: ARG001  # what a signal passes
) -> None:
    """Settle the pools of these tokens, and have told whose token died, in the transaction that changed them."""
    pool.settle(token_ids=token_ids, cause=cause, now=now, source=source)
    if died:
        reach.forget(token_ids=died)
        pools = AccountToken.objects.filter(token__in=died).order_by()
        pool.note_news(pools.values_list("account", flat=True).distinct(), now)


def forget_person(sender: Any, *, instance: User, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Part a person who is about to be deleted from his log-ins, as the deletion would, and recount the people of their pools."""
    with transaction.atomic():  # the one that deletes
        ids = list(Token.objects.filter(consented_by=instance).locked().values_list("pk", flat=True))
        Token.objects.filter(pk__in=ids).update(consented_by=None)
        pool.settle(token_ids=ids, cause="person_deleted", now=timezone.now())
        ApiKey.objects.filter(created_by=instance).update(maker_left_at=timezone.now())


def take_along(sender: Any, *, user: User, old: str, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Have what a person was asked to link go along to their new e-mail address."""
    inviting.take_along(old=old, new=user.email)


def register_messages() -> None:
    """Register the builders of this app's message kinds."""
    _register_what_log_ins_do()
    _register_what_is_asked()
    _register_what_accounts_do()


def _register_what_log_ins_do() -> None:
    kinds.register(
        leaving_mails.KIND,
        leaving_mails.build,
        name=_("Log-in removed"),
        ended=leaving_mails.record_end,
    )
    kinds.register(imported_mail.KIND, imported_mail.build, name=_("Log-in imported"))


def _register_what_is_asked() -> None:
    kinds.register(
        writing.KIND,
        ask_mails.build,
        name=_("Request"),
        ended=ask_mails.note_ended,
        reader=ask_mails.reader,
        readdress=ask_mails.follows,
        to_parked=ask_mails.brings_back,
        asks=True,
    )
    kinds.register(writing.DONE, ask_mails.build_done, name=_("Answer to a request"))


def _register_what_accounts_do() -> None:
    kinds.register(
        api_key_mail.KIND,
        api_key_mail.build,
        name=_("About an API key"),
        stays=True,
        readdress=api_key_mail.readdress,
        asks=True,
    )
    kinds.register(
        alerts.KIND,
        alert_mail.build,
        name=_("Alert to operators"),
        why=alert_mail.facts,
        stays=True,
        readdress=alert_mail.readdress,
        asks=True,
    )


def settle_walls(sender: Any, *, instance: Membership | Team, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Settle what a team refuses, or takes again, where its people or its own rule changed."""
    team_id = instance.team_id if isinstance(instance, Membership) else instance.pk
    pool.settle_team(team_id=team_id, now=timezone.now())


def end_calendars(
    sender: Any,  # noqa: ARG001  # what a signal passes
    *,
    instance: User,
    raw: bool = False,
    **kwargs: Any,  # noqa: ARG001  # what a signal passes
) -> None:
    """End the calendar addresses of whoever is switched off."""
    if not instance.is_active and not raw:
        calendars.revoke_all(user_id=instance.pk)

"""What follows in pools from tokens' news, when a person is deleted, or a team and its people change."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models.signals import post_delete, post_save, pre_delete
from django.utils import timezone

from accounts.models import AccountToken
from accounts.pool import services as pool
from accounts.sync import reach
from tokens.lifecycle.services import tokens_changed
from tokens.models import Token
from users.models import Membership, Team, User


def connect() -> None:
    """Hear of tokens, people and teams."""
    tokens_changed.connect(settle_changed, dispatch_uid="accounts.settle")
    pre_delete.connect(forget_person, sender="users.User", dispatch_uid="accounts.forget_person")
    for signal in (post_save, post_delete):
        signal.connect(settle_walls, Membership, dispatch_uid="accounts.walls")
    post_save.connect(settle_walls, Team, dispatch_uid="accounts.walls")


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
        reach.forget_log_ins(token_ids=died)
        pools = AccountToken.objects.filter(token__in=died).order_by()
        pool.note_news(pools.values_list("account", flat=True).distinct(), now)


def forget_person(sender: Any, *, instance: User, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Part a person who is about to be deleted from his log-ins, as the deletion would, and recount the people of their pools."""
    with transaction.atomic():  # the one that deletes
        ids = list(Token.objects.filter(consented_by=instance).locked().values_list("pk", flat=True))
        Token.objects.filter(pk__in=ids).update(consented_by=None)
        pool.settle(token_ids=ids, cause="person_deleted", now=timezone.now())


def settle_walls(sender: Any, *, instance: Membership | Team, **kwargs: Any) -> None:  # noqa: ARG001  # what a signal passes
    """Settle what a team refuses, or takes again, where its people or its own rule changed."""
    team_id = instance.team_id if isinstance(instance, Membership) else instance.pk
    pool.settle_team(team_id=team_id, now=timezone.now())

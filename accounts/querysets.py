"""Named filters of accounts."""

from typing import TYPE_CHECKING, Self

from django.contrib.auth.models import AnonymousUser
from django.db import models
from django.db.models import Exists, OuterRef, Q

from users.models import Membership, User

if TYPE_CHECKING:
    from accounts.models import Account  # noqa: F401  # named as text below: models imports this module


class AccountQuerySet(models.QuerySet["Account"]):
    """Accounts, by phrases that compose."""

    def visible_to(self, user: User | AnonymousUser) -> Self:
        """The only door for people: accounts of their teams, and accounts whose pool holds a token they consented to.

        Superusers see all. Whatever is not visible answers 404.
        """
        if not user.is_authenticated:
            return self.none()
        return self if user.is_superuser else self.of_person(user)

    def of_person(self, user: User) -> Self:
        """Accounts of a person's teams, and those that a log-in of theirs reaches, also for those who may see more."""
        from accounts.models import AccountToken

        own = AccountToken.objects.filter(account=OuterRef("pk"), token__consented_by=user)
        # Not by a join: DISTINCT would forbid row locks and keep the database from reading the list by its index.
        teams = Membership.objects.filter(user=user).values("team")
        return self.filter(Q(team__in=teams) | Exists(own))

    def locked(self) -> Self:
        """Lock the rows in the one order that is used everywhere: by id, without blocking foreign keys."""
        return self.order_by("id").select_for_update(no_key=True, of=("self",))

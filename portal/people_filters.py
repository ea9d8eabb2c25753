"""Filters of Social Accounts by who carries an account and by why a log-in of it stopped."""

from typing import Any

from django.contrib.admin import ModelAdmin, SimpleListFilter
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts import search
from accounts.models import Account, AccountToken
from accounts.pool_reasons import OUTSIDE
from portal.event_causes import cause_words
from portal.filters import is_id
from tokens.channels.kinds import Reason
from tokens.models import Token
from users.models import person
from users.visibility import names_for, people_of

MOST = 20  # people who are listed; others are found by name


class PersonFilter(SimpleListFilter):
    """Whose log-in is in the pool: a person of the list, or all whose name or e-mail holds what was typed."""

    title = gettext_lazy("person")
    parameter_name = "person"
    finds = gettext_lazy("Name or e-mail")  # in the field that finds others

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return the first people by name who linked anything, of those whom the viewer knows; and the one who is chosen."""
        self.viewer = person(request)
        linked = Exists(Token.objects.filter(consented_by=OuterRef("pk")))
        known = people_of(self.viewer).filter(linked).order_by("name", "email")
        found = [(str(one.pk), str(one)) for one in known.only("name", "email")[:MOST]]
        value = str(self.used_parameters.get(self.parameter_name, ""))
        if value and value not in dict(found):
            chosen = people_of(self.viewer).filter(pk=value).first() if is_id(value) else None
            found.append((value, str(chosen) if chosen else f"“{value}”"))
        return found

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep accounts with a log-in of the person in their pool; nobody is found by whom the viewer may not know."""
        value = self.value()
        if not value:
            return queryset
        entries = AccountToken.objects.order_by()
        if is_id(value):
            whose = people_of(self.viewer).filter(pk=value).values("pk")
            entries = entries.filter(token__in=Token.objects.filter(consented_by__in=whose).values("pk"))
        else:
            entries = entries.filter(token__in=search.ids_of_log_ins(value, names_for(self.viewer)))
        return queryset.filter(pk__in=entries.values("account"))


class ConsentedByFilter(SimpleListFilter):
    """Log-ins of one person, whom the address names by id. It offers nobody else."""

    title = gettext_lazy("person")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return who is chosen, as far as the viewer knows them."""
        value = str(self.used_parameters.get(self.parameter_name, ""))
        if not value:
            return []
        self.whose = people_of(person(request)).filter(pk=value if is_id(value) else 0)
        return [(value, str(self.whose.first() or f"“{value}”"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Token]) -> QuerySet[Token]:
        """Keep what the person consented to; nothing for somebody whom the viewer does not know."""
        return queryset.filter(consented_by__in=self.whose.values("pk")) if self.value() else queryset


class ReasonFilter(SimpleListFilter):
    """Why a log-in in the pool is of no use."""

    title = gettext_lazy("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return the reasons that end a log-in, or its use for an account."""
        return [(reason, cause_words(reason)) for reason in (*_ENDS, OUTSIDE)]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Account]) -> QuerySet[Account]:
        """Keep accounts with a log-in that stopped, or is of no use for them, for this reason."""
        value = self.value()
        if not value:
            return queryset
        if value not in {*_ENDS, OUTSIDE}:
            return queryset.none()
        entries = AccountToken.objects.order_by()
        dead = entries.filter(
            token__in=Token.objects.filter(state=Token.State.DEAD, reason=value).values("pk")
        )
        of_no_use = entries.filter(
            Q(access=AccountToken.Access.LOST) | Q(can_publish=AccountToken.CanPublish.NO),
            access_reason=value,
        )
        return queryset.filter(pk__in=dead.values("account").union(of_no_use.values("account")))


_BESIDE = {Reason.RESTRICTED, Reason.APP_FAULT, Reason.TRANSIENT}
_ENDS = [str(reason.value) for reason in Reason if reason not in _BESIDE]

"""Filters of Social Accounts by who carries an account and by why a log-in of it stopped."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts.account_pages.filters import is_id
from accounts.models import AccountToken
from accounts.pool import queries as pool_queries
from accounts.pool.models import CAN_SERVE
from accounts.pool.rules import OUTSIDE
from portal.choices import ChoiceFilter
from tokens.channels.kinds import Reason
from tokens.models import Token
from tokens.token import reasons
from users.models import person
from users.people.visibility import names_for, people_of

MOST = 20  # people who are listed; others are found by name


class PersonFilter(ChoiceFilter):
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
        if value and not is_id(value):
            found.append((value, f"“{value}”"))
        elif value and value not in dict(found):
            chosen = people_of(self.viewer).filter(pk=value).first()
            found += [(value, str(chosen))] if chosen else []
        return found

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep accounts with a log-in of the person in their pool; nobody is found by whom the viewer may not know."""
        entries = AccountToken.objects.order_by()
        if is_id(value):
            whose = people_of(self.viewer).filter(pk=value).values("pk")
            entries = entries.filter(token__in=Token.objects.filter(consented_by__in=whose).values("pk"))
        else:
            entries = entries.filter(token__in=pool_queries.log_ins_of_people(value, names_for(self.viewer)))
        return rows.filter(pk__in=entries.values("account"))


class ConsentedByFilter(ChoiceFilter):
    """Log-ins of one person, whom the address names by id. It offers nobody else."""

    title = gettext_lazy("person")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return who is chosen, as far as the viewer knows them."""
        value = str(self.used_parameters.get(self.parameter_name, ""))
        self.whose = people_of(person(request)).filter(pk=value if is_id(value) else 0)
        chosen = self.whose.first() if value else None
        return [(value, str(chosen))] if chosen else []

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep what the person consented to."""
        return rows.filter(consented_by__in=self.whose.values("pk"))


class ReasonFilter(ChoiceFilter):
    """Why a log-in in the pool is of no use."""

    title = gettext_lazy("reason")
    parameter_name = "reason"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return the reasons that end a log-in, or its use for an account."""
        return [(reason, reasons.explain("", reason).short) for reason in (*_ENDS, OUTSIDE)]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep accounts with a log-in that stopped, or is of no use for them, for this reason."""
        entries = AccountToken.objects.order_by()
        dead = entries.filter(
            token__in=Token.objects.filter(state=Token.State.DEAD, reason=value).values("pk")
        )
        of_no_use = entries.filter(~CAN_SERVE, access_reason=value)
        return rows.filter(pk__in=dead.values("account").union(of_no_use.values("account")))


_BESIDE = {Reason.RESTRICTED, Reason.APP_FAULT, Reason.TRANSIENT}
_ENDS = [str(reason.value) for reason in Reason if reason not in _BESIDE]

"""Chips of the lists, and ready-made views of Social Accounts. Each is a filter of the address, so that a copied link shows the same."""

from typing import Any

from django.contrib.admin import ModelAdmin
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy

from accounts.backups import queries as backups
from accounts.leaving import plan
from accounts.models import Account, AccountQuerySet, AccountToken
from accounts.pool import queries as pool_queries
from accounts.pool.health import OUTSIDE, Health
from accounts.pool.models import CAN_SERVE
from macros.models import Macro
from macros.rules.queries import unwatched
from portal.filters import ChoiceFilter, Lookups, OnOff
from tokens.channels import declarations
from tokens.channels.kinds import Reason
from tokens.models import Token
from tokens.token import reasons
from ui import pills
from ui.addresses import id_of, ids_of
from ui.dates import end_of_window
from users.models import Membership, User, person
from users.people.queries import names_for

LISTED = 200  # teams to choose from
MOST = 20  # people who are listed; others are found by name


class ViewFilter(ChoiceFilter):
    """The tabs above the list. They are no chips."""

    as_tabs = True
    title = gettext_lazy("view")
    parameter_name = "view"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the tabs beside "All"."""
        self.viewer = person(request)
        return [
            ("needs", gettext("Needs a person")),
            ("team", gettext("My team")),
            ("alone", gettext("No backup")),
        ]

    def keep(self, rows: AccountQuerySet, value: str) -> AccountQuerySet:
        """Keep what the tab shows."""
        if value == "needs":
            return rows.needing_a_person(now=timezone.now(), zone=timezone.get_current_timezone())
        if value == "team":
            return rows.filter(team__in=Membership.objects.filter(user=self.viewer).values("team"))
        return rows.carried_by_one()


class ChannelFilter(ChoiceFilter):
    """One or several channels, as "facebook,linkedin", which a link may name."""

    title = gettext_lazy("channel")
    parameter_name = "channel"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the channels, and what the address names of them."""
        known = dict(declarations.choices())
        value = self.value() or ""
        named = [str(known[one]) for one in value.split(",") if one in known]
        return [*known.items(), *([(value, ", ".join(named))] if len(named) > 1 else [])]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep accounts of the chosen channels."""
        return rows.filter(channel__in=value.split(","))


class StateFilter(ChoiceFilter):
    """The pill."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the pills, worst first."""
        return [(key, pills.pill("account", key).label) for key in Health]

    def keep(self, rows: AccountQuerySet, value: str) -> AccountQuerySet:
        """Keep accounts with this pill."""
        return rows.in_health(value, now=timezone.now(), zone=timezone.get_current_timezone())


class DaysFilter(ChoiceFilter):
    """How soon a known deadline comes."""

    title = gettext_lazy("days left")
    parameter_name = "days"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the windows."""
        return [(str(days), gettext("%(days)s or fewer") % {"days": days}) for days in (1, 7, 14, 30, 60, 90)]

    def stands_for(self, value: str) -> bool:
        """Return whether it is a whole number of days; any works in the address."""
        return value.isascii() and value.isdigit() and len(value) <= 4

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep accounts whose deadline is known and within the window."""
        window = end_of_window(int(value), now=timezone.now(), zone=timezone.get_current_timezone())
        return rows.filter(deadline__lt=window)


class NoBackupFilter(OnOff):
    """Accounts that one person carries, whatever their pill; beside a chosen person those that depend on this one alone."""

    only_by_link = True
    title = gettext_lazy("only one person left")
    parameter_name = "alone"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Remember who is chosen, then keep what is asked for."""
        self.person_id = id_of(request.GET.get("person", ""))
        return super().queryset(request, queryset)

    def keep(self, rows: AccountQuerySet, value: str) -> AccountQuerySet:
        """Keep accounts with one person; of one who is chosen, just what the page of that person counts."""
        if not self.person_id:
            return rows.carried_by_one()
        return rows.filter(pk__in=plan.accounts_alone_with(self.person_id).values("pk"))


class BackupAtHandFilter(OnOff):
    """Accounts that one person carries, or nobody, and that a colleague's log-in reaches already."""

    title = gettext_lazy("could be backed up at once")
    parameter_name = "backup"

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep accounts to which somebody could be added at once."""
        return backups.accounts_with_backup_at_hand(rows)


class UndatedFilter(OnOff):
    """Accounts whose deadline is not known, whatever their pill."""

    only_by_link = True
    title = gettext_lazy("date unknown")
    parameter_name = "undated"

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep accounts without a known deadline."""
        return rows.filter(deadline_kind=Account.DeadlineKind.UNKNOWN)


class TeamFilter(ChoiceFilter):
    """The team of accounts, people, invitations, macros or messages, or several, as "3,5", which a link may name.

    Teams that the viewer does not see are neither named nor found by.
    """

    title = gettext_lazy("team")
    parameter_name = "team"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> Lookups:
        """Return the teams that the viewer sees, where there is more than one, and what the address names of them."""
        self.seen = person(request).teams_seen
        rows = list(self.seen.order_by("name").values_list("pk", "name")[:LISTED])
        found = [(str(pk), name) for pk, name in rows] if len(rows) > 1 else []
        value = self.value()
        if value and value not in dict(found):
            named = (
                self.seen.filter(pk__in=ids_of(value.split(",")))
                .order_by("name")
                .values_list("name", flat=True)
            )
            found += [(value, ", ".join(named))] if named else []
        return found

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep the rows of the team, or of those that are named and that the viewer sees."""
        field = "memberships__team__in" if rows.model is User else "team__in"
        found = rows.filter(**{field: self.seen.filter(pk__in=ids_of(value.split(",")))})
        return found.distinct() if rows.model is User and "," in value else found


class MacroFilter(ChoiceFilter):
    """Accounts that no macro watches, or that a certain one does."""

    title = gettext_lazy("macro")
    parameter_name = "macro"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return "No macro" and the macros that the person sees."""
        seen = Macro.objects.visible_to(request.user)
        return [("none", gettext("No macro")), *((str(macro.pk), macro.name) for macro in seen)]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep what is asked for."""
        if value == "none":
            return unwatched(rows)
        macro = Macro.objects.filter(pk=value).first()
        return macro.watched(rows) if macro else rows.none()


class AccessLostFilter(OnOff):
    """Accounts that a linked log-in can no longer reach, whatever their pill."""

    title = gettext_lazy("access lost")
    parameter_name = "lost"

    def keep(self, rows: AccountQuerySet, value: str) -> AccountQuerySet:
        """Keep accounts with such a log-in."""
        return rows.access_lost()


class PersonFilter(ChoiceFilter):
    """Whose log-in is in the pool: a person of the list, or all whose name or e-mail holds what was typed."""

    title = gettext_lazy("person")
    parameter_name = "person"
    finds = gettext_lazy("Name or e-mail")  # in the field that finds others

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin[Any]) -> list[tuple[str, str]]:
        """Return the first people by name who linked anything, of those whom the viewer knows; and the one who is chosen."""
        self.viewer = person(request)
        linked = Exists(Token.objects.filter(consented_by=OuterRef("pk")))
        known = User.objects.visible_to(self.viewer).filter(linked).order_by("name", "email")
        found = [(str(one.pk), str(one)) for one in known.only("name", "email")[:MOST]]
        value = str(self.used_parameters.get(self.parameter_name, ""))
        if value and not id_of(value):
            found.append((value, f"“{value}”"))
        elif value and value not in dict(found):
            chosen = User.objects.visible_to(self.viewer).filter(pk=value).first()
            found += [(value, str(chosen))] if chosen else []
        return found

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep accounts with a log-in of the person in their pool; nobody is found by whom the viewer may not know."""
        entries = AccountToken.objects.order_by()
        if id_of(value):
            whose = User.objects.visible_to(self.viewer).filter(pk=value).values("pk")
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
        chosen = User.objects.visible_to(person(request)).filter(pk=id_of(self.value() or ""))
        return [(str(one.pk), str(one)) for one in chosen]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep what the person consented to."""
        return rows.filter(consented_by=value)


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

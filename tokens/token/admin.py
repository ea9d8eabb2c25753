"""Authenticate Tokens of all accounts: the columns of the pool, for the tokens in pools of accounts that one sees."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import Exists, F, IntegerField, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from accounts.account_pages import filters
from accounts.account_pages import pool_rows as dates
from accounts.account_pages.pool_rows import CHECK_WORDS, NO_ANSWER
from accounts.asks import queries
from accounts.asks import views as asking
from accounts.leaving import views as leaving
from accounts.leaving.services import REVOKING
from accounts.linking import views as system_user
from accounts.models import Account, AccountToken
from accounts.pool import permissions
from accounts.pool import queries as pool_queries
from accounts.pool.health import READING_REFUSED, InPool
from portal import access, bulk
from portal.filters import ChoiceFilter
from portal.lists import ReadOnlyList, part
from tokens.channels import declarations
from tokens.channels.kinds import Verdict
from tokens.models import Token
from tokens.templatetags import channels as channel_tags
from tokens.token import reasons
from ui.templatetags import ui as tags
from users.models import person
from users.people.queries import names_for

NAMED = 3  # accounts of a token that the list names
MANY = 99  # of the others, as far as they are counted


class CountRows(Subquery):
    """How many rows a subquery has. Slice it: one log-in may reach thousands of accounts."""

    template = "(select count(*) from (%(subquery)s) found)"
    output_field = IntegerField()


class TokenChannelFilter(filters.ChannelFilter):
    """The channel of a token's app."""

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep tokens of the chosen channels."""
        return rows.filter(app__channel__in=value.split(","))


class TokenStateFilter(ChoiceFilter):
    """The state of the token itself."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Sequence[tuple[str, str]]:
        """Return the states, in the words of the pills."""
        return [("dead", gettext("Stopped")), ("cooling", gettext("Retrying")), ("valid", gettext("Works"))]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep tokens in this state."""
        return rows.filter(state=value)


@admin.register(Token)
class TokenAdmin(ReadOnlyList):
    """All tokens, read only: those in pools of accounts that one sees. A token is looked at in the pool of an account."""

    list_display = [
        "person_cell",
        "state_cell",
        "accounts_cell",
        "deadline_cell",
        "permissions_cell",
        "checked_cell",
        "used_cell",
    ]
    list_filter = [TokenChannelFilter, TokenStateFilter, filters.ConsentedByFilter]
    list_display_links = None
    search_fields = ["native_user_name"]  # what is searched is in get_search_results
    actions = ["ask_to_reauthenticate"]
    action_icons: ClassVar = {"ask_to_reauthenticate": "mail"}
    change_list_template = "admin/tokens/token/change_list.html"
    list_title = gettext_lazy("Authenticate Tokens")
    nouns = npgettext_lazy("of so many", "%(shown)s token", "%(shown)s tokens", "number")
    searched = gettext_lazy("Name, ID, person or e-mail")
    ordered = gettext_lazy("Sorted by deadline, earliest first")
    none_match = gettext_lazy("No token matches these filters.")
    empty_words = gettext_lazy("There is no token yet.")
    on_cards = frozenset({"accounts_cell", "deadline_cell"})

    def get_urls(self) -> list[URLPattern]:
        """Return the list, and the pages that take in a system user's token, ask people, and revoke a log-in."""
        wrap = self.admin_site.admin_view
        return [
            path("system-user/", wrap(system_user.add_system_user), name="tokens_token_system_user"),
            path("ask/", wrap(self.ask), name="tokens_token_ask"),
            path("<int:token_id>/revoke/", wrap(self.revoke), name="tokens_token_revoke"),
            *[url for url in super().get_urls() if url.name == "tokens_token_changelist"],
        ]

    def revoke(self, request: HttpRequest, token_id: int) -> HttpResponse:
        """Ask before a log-in is ended at its channel (GET), end it (POST)."""
        return leaving.revoke(request, token_id, self.get_queryset)

    @admin.action(description=gettext_lazy("Ask"), permissions=["ask"])
    def ask_to_reauthenticate(self, request: HttpRequest, queryset: QuerySet[Token]) -> HttpResponse:
        """Lead to the page that asks."""
        return bulk.lead_on(reverse("admin:tokens_token_ask"), request, queryset)

    def has_ask_permission(self, request: HttpRequest) -> bool:
        """Return whether the person may ask people."""
        return request.user.has_perm(permissions.ASK)

    def ask(self, request: HttpRequest) -> HttpResponse:
        """Show who would be asked for the log-ins that the address names (GET), have a worker mail them (POST)."""
        access.require(request, "tokens.view_token")
        query = bulk.filters_of(request)
        back = reverse("admin:tokens_token_changelist") + (f"?{query.urlencode()}" if query else "")
        entries = queries.entries_of_tokens(self._chosen(request), person(request))
        nobody = gettext("None of these log-ins is linked to an account.")
        origin = asking.Origin(entries, back, access.frame_of(Token, back), nobody)
        return asking.answer_ask_page(request, origin)

    def _chosen(self, request: HttpRequest) -> QuerySet[Token]:
        if "across" not in request.GET:
            return self.get_queryset(request).filter(pk__in=bulk.wanted(request))
        return self.filtered(request, bulk.filters_of(request))

    def row_name(self, row: Any) -> str:
        """Return what the tick of a row says that it chooses."""
        return str(row.label)

    # --- the list -------------------------------------------------------------------------------------------------

    def get_queryset(self, request: HttpRequest) -> QuerySet[Token]:
        """Return tokens in pools of accounts that this person sees; superusers, administrators and auditors see all."""
        visible = Account.objects.visible_to(request.user)
        pool = (
            AccountToken.objects.filter(account__in=visible)
            .select_related("account")
            .order_by("account__name")
        )
        tokens: QuerySet[Token] = Token.objects.select_related("app", "consented_by").defer("credentials")
        if not person(request).sees_all_teams:
            tokens = pool_queries.log_ins_seen_by(tokens, person(request))
        served = Account.objects.filter(active_token=OuterRef("pk"))
        # In any account: also in one that the viewer does not see.
        linked = AccountToken.objects.filter(token=OuterRef("pk"))
        seen = linked.filter(account__in=visible)
        publishing = seen.exclude(can_publish=AccountToken.CanPublish.NO)
        more = CountRows(seen.values("pk")[NAMED : NAMED + MANY])
        pools = Prefetch("pool_entries", queryset=pool[:NAMED], to_attr="seen_entries")
        return tokens.annotate(
            served=Exists(served), linked=Exists(linked), may_publish=Exists(publishing), more=more
        ).prefetch_related(pools)

    def everything(self, request: HttpRequest) -> QuerySet[Token]:
        """Return what the viewer sees, without what a line shows."""
        viewer = person(request)
        tokens = Token.objects.all()
        return tokens if viewer.sees_all_teams else pool_queries.log_ins_seen_by(tokens, viewer)

    def get_ordering(self, request: HttpRequest) -> Any:
        """Order by deadline, unknown and never last."""
        return [F("deadline").asc(nulls_last=True), "pk"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Token], search_term: str
    ) -> tuple[QuerySet[Token], bool]:
        """Find by person, e-mail, name at the channel, or account; people of other teams are not found by their names."""
        term, names = search_term.strip(), names_for(request.user)
        if not term:
            return queryset, False
        accounts = Account.objects.visible_to(request.user).filter(
            Q(name__icontains=term) | Q(native_id=term)
        )
        linked = AccountToken.objects.filter(account__in=accounts).values("token")
        return queryset.filter(
            Q(pk__in=pool_queries.log_ins_of_people(term, names)) | Q(pk__in=linked)
        ), False

    def list_facts(self, request: HttpRequest) -> dict[str, Any]:
        """Return whether a system user may be added, and where it says how long authorisations last."""
        may_add = request.user.has_perm(system_user.PERMISSION)
        return {"may_add_system_user": may_add, "about_url": reverse("channel_needs")}

    def preparing(self, request: HttpRequest) -> Callable[[Any], None]:
        """Return what gives a token its label: what this viewer may know of it."""
        now, names = timezone.now(), names_for(request.user)
        may_revoke = request.user.has_perm(REVOKING)

        def prepare(token: Any) -> None:
            first = token.seen_entries[0].account if token.seen_entries else None
            token.may_revoke = may_revoke
            token.now, token.known = now, names.sees_token(token, first)
            token.label = names.token(token, first)

        return prepare

    @display(description=gettext_lazy("Person"), ordering="native_user_name")
    def person_cell(self, token: Any) -> SafeString:
        """Return whose token it is, and where."""
        second = (
            f"{declarations.label(token.app.channel)}: {token.native_user_name}"
            if token.known
            else declarations.label(token.app.channel)
        )
        return format_html(
            '<span class="at-with-mark">{}<span><span class="at-strong">{}</span><span class="at-second">{}</span></span></span>',
            channel_tags.mark(token.app.channel), token.label, second,
        )  # fmt: skip

    @display(description=gettext_lazy("State"), ordering="state")
    def state_cell(self, token: Any) -> SafeString:
        """Return the pill and the short reason."""
        reports_only = bool(token.seen_entries) and not token.may_publish
        entry = AccountToken(token=token, can_publish="no" if reports_only else "unknown")
        state: str = entry.state_in_pool(active=token.served, doubted=token.doubted_at is not None)
        if state == InPool.BACKUP and not token.linked:
            state = "not_linked"
        passing = Token.DOUBTED if token.doubted_at is not None else ""
        if token.demoted_at is not None and not token.served:
            passing = passing or READING_REFUSED
        reason = token.reason or passing
        short = reasons.explain(token.app.channel, reason).short
        return format_html('{}<span class="at-second">{}</span>', tags.pill("token", state), short)

    @display(description=gettext_lazy("Accounts"))
    def accounts_cell(self, token: Any) -> SafeString:
        """Return the accounts that the viewer sees, each leading to its pool; three, then how many more."""
        shown = [
            (reverse("admin:accounts_account_change", args=[one.account_id]), token.pk, one.account.name)
            for one in token.seen_entries
        ]
        if not shown:
            return format_html('<span class="at-quiet">{}</span>', gettext("linked to none"))
        links = format_html_join("", '<a class="at-name" href="{}#token-{}">{}</a>', shown)
        number = f"{token.more}+" if token.more >= MANY else str(token.more)
        more = gettext("and %(number)s more") % {"number": number}
        return format_html("{}{}", links, more if token.more else "")

    @display(description=gettext_lazy("Deadline"), ordering="deadline")
    def deadline_cell(self, token: Any) -> SafeString:
        """Return days left, bar, and each date with its source."""
        usable = token.state == Token.State.VALID
        return part(
            "token_dates",
            deadline=pool_queries.deadline_facts(token, usable=usable, now=token.now),
            now=token.now,
            lines=dates.date_lines(token, token.app.channel, token.now),
        )

    @display(description=gettext_lazy("Permissions"))
    def permissions_cell(self, token: Any) -> str:
        """Return how many of the wanted permissions were granted."""
        return dates.permissions_said(token, token.app.channel)

    @display(description=gettext_lazy("Last check"), ordering="last_checked_at")
    def checked_cell(self, token: Any) -> SafeString:
        """Return when it was checked, and how that went."""
        if token.last_checked_at is None:
            return format_html("{}", gettext("never"))
        result = Verdict.TOKEN_DEAD if token.state == Token.State.DEAD else token.last_check_result
        word = next((text for verdict, text in CHECK_WORDS.items() if verdict == result), NO_ANSWER)
        return format_html(
            '{}<span class="at-second">{}</span>', tags.when(token.last_checked_at, "ago", token.now), word
        )

    @display(description=gettext_lazy("Last use"), ordering="last_used_at")
    def used_cell(self, token: Any) -> SafeString:
        """Return when it was last served; below it the link that ends the log-in, for those who may."""
        used = (
            tags.when(token.last_used_at, "ago", token.now)
            if token.last_used_at
            else format_html("{}", gettext("never"))
        )
        if not token.may_revoke or token.is_removed:
            return used
        return format_html(
            '{}<span class="at-second"><a class="at-link" href="{}">{}</a></span>',
            used, reverse("admin:tokens_token_revoke", args=[token.pk]),
            format_html(gettext('Revoke<span class="at-hidden"> the log-in of {}</span>'), token.label),
        )  # fmt: skip

"""Macros in the staff portal: the list, the form beside its preview, and what staff do with one."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, OuterRef, Prefetch, Q, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext, npgettext_lazy, pgettext_lazy
from unfold.decorators import display

from accounts.account_pages.filters import TeamFilter
from accounts.models import Account
from macros.models import Macro, MacroAccount, MacroAction, Notice, Told
from macros.notices import history as message_history
from macros.notices.queries import unwatched
from macros.preview import services as preview
from macros.preview import views as macro_preview
from macros.preview.rules import stored_draft
from macros.preview.services import Draft
from macros.rules.forms import MacroForm
from portal import access
from portal.filters import ChoiceFilter
from portal.lists import OwnList, part
from tokens.channels import declarations
from ui import confirm
from ui.addresses import id_of
from ui.confirm import Done, Page, Said
from ui.templatetags import ui as tags
from users.models import person
from users.people.queries import names_for


class OwnerFilter(ChoiceFilter):
    """Macros of the viewer, and those that nobody looks after: their owner is switched off, or deleted."""

    title = gettext_lazy("owner")
    parameter_name = "owner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the choices."""
        self.viewer = person(request)
        return [("me", gettext("Me")), ("gone", gettext("Switched off, or nobody"))]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep the macros of the choice."""
        mine = Q(owner=self.viewer)
        return rows.filter(mine if value == "me" else Q(owner=None) | Q(owner__is_active=False))


def home_of_macro(macro: Macro) -> str:
    """Return the macro's page."""
    return reverse("admin:macros_macro_change", args=[macro.pk])


def delete(request: HttpRequest, macro: Macro, log: Callable[[], object]) -> HttpResponse:
    """GET says what stops and what stays, POST deletes, once `log` has noted it."""
    watched = macro.watched(Account.objects.all())
    others = Macro.objects.filter(enabled=True).exclude(pk=macro.pk)
    page = Page(
        "portal/confirm/delete_macro.html",
        home_of_macro(macro),
        {
            "macro": macro,
            "watched": watched.count(),
            "unwatched": unwatched(watched, but=[macro]).count(),
            "told": Notice.objects.filter(message_history.told_by(macro.pk)).count(),
        },
        warns=macro.enabled and not others.exists(),
        danger=True,
        ask_why=False,
    )

    def do(_said: Said) -> Done:
        with transaction.atomic():
            log()
            macro.delete()
        return Done(after=reverse("admin:macros_macro_changelist"))

    return confirm.answer(request, page, do, frame=access.frame_of(macro))


def beside(request: HttpRequest, macro: Macro | None, draft: Draft | None, *, edited: bool) -> HttpResponse:
    """Answer with the column beside the form, of a draft; None where the form is not filled in."""
    facts = macro_preview.preview_beside(draft, macro, edited=edited) if draft else None
    return render(request, "portal/macros/_preview.html", {"preview": facts})


def _told(addresses: int, *, notify_consenters: bool) -> str:
    """Return whom a macro mails, in words; a dash for nobody."""
    facts = {"number": addresses}
    if addresses and notify_consenters:
        return (
            ngettext(
                "%(number)s address and people who linked",
                "%(number)s addresses and people who linked",
                addresses,
            )
            % facts
        )
    if addresses:
        return ngettext("%(number)s address", "%(number)s addresses", addresses) % facts
    return gettext("people who linked") if notify_consenters else "—"


@admin.register(Macro)
class MacroAdmin(OwnList):
    """Rules that say what to watch on which account and whom to tell."""

    form = MacroForm
    list_display = ["name", "on_cell", "applied_on", "days", "recipients", "owner_cell", "last_mail"]
    list_filter = ["enabled", "scope", TeamFilter, OwnerFilter]
    search_fields = ["name", "description"]
    actions = None  # each has its own page
    change_form_template = "portal/macros/change_form.html"
    list_title = gettext_lazy("Macros")
    nouns = npgettext_lazy("of so many", "%(shown)s macro", "%(shown)s macros", "number")
    searched = gettext_lazy("Name or description")
    empty_words = gettext_lazy("No macros: nobody is warned before an account stops.")
    state_column = "on_cell"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Macro]:
        """Return the macros that this person sees, with their actions."""
        # Bounds, not equality: then only the index on action and id has the order, and the database does not go through all notices
        # from the newest on for a macro that never mailed.
        of_action = Notice.objects.filter(action_id__gte=OuterRef("pk"), action_id__lte=OuterRef("pk"))
        mailed = of_action.mailed().order_by("-action_id", "-pk")
        last = Subquery(mailed.values("evaluation__started_at")[:1])
        at_once = Told.objects.filter(action_id__gte=OuterRef("pk"), action_id__lte=OuterRef("pk"))
        told = at_once.mailed().order_by("-action_id", "-pk").values("at")
        latest = Greatest(last, Subquery(told[:1]))  # PostgreSQL's leaves out what is null
        actions = Prefetch("actions", MacroAction.objects.annotate(last_mailed_at=latest).order_by("pk"))
        chosen = MacroAccount.objects.filter(macro=OuterRef("pk")).order_by().values("macro")
        return (
            Macro.objects.visible_to(request.user)
            .select_related("team", "owner")
            .prefetch_related(actions)
            .annotate(
                chosen_count=Coalesce(Subquery(chosen.annotate(number=Count("pk")).values("number")), 0),
                last_before=message_history.last_before_an_edit(),
            )
        )

    def has_change_permission(self, request: HttpRequest, obj: Macro | None = None) -> bool:
        """Return whether the person may change macros, and this one."""
        allowed = super().has_change_permission(request, obj)
        return bool(allowed and (obj is None or obj.may_be_changed_by(request.user)))

    def has_delete_permission(self, request: HttpRequest, obj: Macro | None = None) -> bool:
        """Return whether the person may delete macros, and this one."""
        allowed = super().has_delete_permission(request, obj)
        return bool(allowed and (obj is None or obj.may_be_changed_by(request.user)))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """GET says what stops and what stays, POST deletes.

        404 for a macro that one does not see, 403 for one that one may not delete.
        """
        macro = self._macro(request, object_id) if object_id else None
        if macro is None:
            raise Http404
        if not self.has_delete_permission(request, macro):
            raise PermissionDenied
        return delete(request, macro, lambda: self.log_deletions(request, [macro]))

    # --- the list -------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("State"), ordering="enabled")
    def on_cell(self, macro: Macro) -> SafeString:
        """Return whether it is on."""
        return part("on_off", on=macro.enabled)

    @display(description=gettext_lazy("Applied on"))
    def applied_on(self, macro: Any) -> str:
        """Return which accounts it watches."""
        if macro.scope == Macro.AppliesTo.ALL:
            return gettext("All accounts")
        if macro.scope == Macro.AppliesTo.CHANNELS:
            return ", ".join(declarations.label(key) for key in macro.channels)
        return ngettext("%(number)s chosen account", "%(number)s chosen accounts", macro.chosen_count) % {
            "number": macro.chosen_count
        }

    @display(description=gettext_lazy("Days in advance"))
    def days(self, macro: Macro) -> str:
        """Return the days of its warning, and whether it tells at once, too, or only that."""
        warning = macro.warning_action
        if warning is None:
            return gettext("At once only")
        days = ", ".join(map(str, warning.days))
        kinds = dict(MacroAction.Kind.at_once())
        at_once = any(action.kind in kinds for action in macro.actions.all())
        return gettext("%(days)s, and at once") % {"days": days} if at_once else days

    @display(description=gettext_lazy("Recipients"))
    def recipients(self, macro: Any) -> str:
        """Return how many addresses it names, and whether people who linked are told."""
        addresses = {email for action in macro.actions.all() for email in action.emails}
        notify_consenters = any(action.notify_consenters for action in macro.actions.all())
        return _told(len(addresses), notify_consenters=notify_consenters)

    def preparing(self, request: HttpRequest) -> Callable[[Macro], None]:
        """Return what names the owner of each macro as the viewer may know them."""
        names = names_for(request.user)

        def prepare(macro: Any) -> None:
            macro.owner_name = names.user(macro.owner)

        return prepare

    @display(description=pgettext_lazy("of a macro", "Owner"))
    def owner_cell(self, macro: Any) -> str:
        """Return who looks after it, and whether that person can no longer log in."""
        if macro.owner is None:
            return "—"
        left = gettext("%(person)s (switched off)") % {"person": macro.owner_name}
        return str(macro.owner_name) if macro.owner.is_active else left

    @display(description=gettext_lazy("Last mail"))
    def last_mail(self, macro: Any) -> SafeString:
        """Return when something of it was last mailed."""
        each = [macro.last_before, *(action.last_mailed_at for action in macro.actions.all())]
        at = max((one for one in each if one), default=None)
        return tags.when(at, "day") if at else SafeString("—")

    # --- the form -------------------------------------------------------------------------------------------------

    def get_form(
        self, request: HttpRequest, obj: Macro | None = None, change: bool = False, **kwargs: Any
    ) -> Any:
        """Return the form, bound to the person who fills it."""
        user = person(request)

        class BoundForm(MacroForm):
            def __init__(self, *args: Any, **options: Any) -> None:
                super().__init__(*args, user=user, saving=True, **options)

        return BoundForm

    def get_fieldsets(self, request: HttpRequest, obj: Macro | None = None) -> Any:
        """Return all fields in one set: the template places them."""
        return [(None, {"fields": list(MacroForm.base_fields)})]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> Any:
        """Show the form beside what the macro would do."""
        macro = context.get("original")
        context["title"] = str(macro) if macro else gettext("Create Macro")
        context |= _beside(macro, context["adminform"].form)
        context["sent"] = macro_preview.mails_sent(macro, person(request)) if macro else []
        context["sent_url"] = macro_preview.sent_url(macro) if macro else ""
        context["preview_url"] = reverse("admin:macros_macro_preview") + (
            f"?macro={macro.pk}" if macro else ""
        )
        return super().render_change_form(request, context, *args, **kwargs)

    def save_model(self, request: HttpRequest, obj: Macro, form: Any, change: bool) -> None:
        """Save the macro and its action; who made it is kept."""
        if not change:
            obj.created_by = obj.owner = person(request)
        super().save_model(request, obj, form, change)
        form.save_rest(obj, added_at=timezone.now() if change else None)

    def response_add(
        self, request: HttpRequest, obj: Macro, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Say when the first mail goes out."""
        return self._saved(request, obj)

    def response_change(self, request: HttpRequest, obj: Macro) -> HttpResponse:
        """Say when the next mail goes out."""
        return self._saved(request, obj)

    def _saved(self, request: HttpRequest, macro: Macro) -> HttpResponse:
        draft = stored_draft(macro)
        assert draft is not None  # it was just saved with an action
        if not macro.enabled:
            then = gettext("It is off, so nothing is mailed.")
        else:
            found = preview.preview_draft(draft, now=timezone.now())
            then = (
                gettext("First mail: %(day)s.") % {"day": macro_preview.day_words(found.first_on)}
                if found.first_on
                else found.nothing
            )
        add = messages.success if draft.applied else messages.warning
        add(request, " ".join((gettext("Macro saved."), then)).strip())
        return HttpResponseRedirect(reverse("admin:macros_macro_change", args=[macro.pk]))

    # --- beside the form --------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the preview."""
        wrap = self.admin_site.admin_view
        return [
            path("preview/", wrap(self.preview_view), name="macros_macro_preview"),
            *super().get_urls(),
        ]

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """Answer with the column beside the form, for the form as it stands; for whoever may not change it, for the macro as it is stored.

        403 for whoever may neither add nor see macros.
        """
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        macro = self._macro(request, request.GET.get("macro", ""))
        allowed = self.has_change_permission(request, macro) if macro else self.has_add_permission(request)
        if not allowed:
            if macro is None or not self.has_view_permission(request, macro):
                raise PermissionDenied
            return beside(request, macro, stored_draft(macro), edited=False)
        form = MacroForm(request.POST, instance=macro, user=person(request))
        return beside(request, macro, form.draft() if form.is_valid() else None, edited=True)

    def _macro(self, request: HttpRequest, pk: str) -> Macro | None:
        """Return a macro that the person sees; none for an empty id. Raises Http404."""
        if not pk:
            return None
        macro = self.get_queryset(request).filter(pk=id_of(pk)).first()
        if macro is None:
            raise Http404(gettext("There is no such macro."))
        return macro


def _beside(macro: Macro | None, form: Any) -> dict[str, Any]:
    """Return what the page shows beside the form: of a macro as it is stored, or as somebody is about to save it."""
    edited = bool(macro and form.is_bound and form.to_look_at)
    draft = form.draft() if edited else preview.draft_of(macro) if macro else None
    return {"preview": macro_preview.preview_beside(draft, macro, edited=edited) if draft else None}

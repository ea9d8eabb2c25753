"""Macros in the staff portal: the list, the form beside its preview, and what staff do with one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, OuterRef, Prefetch, QuerySet, Subquery
from django.db.models.functions import Coalesce, Greatest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, ngettext, npgettext_lazy, pgettext_lazy

from accounts.account_pages.filters import TeamFilter
from accounts.models import Account
from macros.models import Macro, MacroAccount, MacroAction, Notice, Told
from macros.notices import history as message_history
from macros.preview import services as preview
from macros.preview import views as macro_preview
from macros.preview.services import Draft, stored_draft
from macros.rules.forms import MacroForm
from macros.rules.queries import unwatched
from portal import access, bulk
from portal.lists import OwnList, part
from tokens.channels import declarations
from ui import confirm
from ui.addresses import id_of
from ui.confirm import Done, Page, Said
from ui.templatetags import ui as tags
from ui.text import join_names
from users.models import person
from users.people.queries import names_for


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


def beside(
    request: HttpRequest,
    macro: Macro | None,
    draft: Draft | None,
    *,
    edited: bool,
    wrong: Sequence[str] = (),
) -> HttpResponse:
    """Answer with the column beside the form, of a draft; None where the form is not filled in, or is `wrong` for these reasons."""
    facts = macro_preview.preview_beside(draft, macro, edited=edited) if draft else None
    return render(request, "portal/macros/_preview.html", {"preview": facts, "wrong": wrong})


@admin.register(Macro)
class MacroAdmin(OwnList):
    """Rules that say what to watch on which account and whom to tell."""

    form = MacroForm
    list_display = ["name", "on_cell", "applied_on", "days", "recipients", "owner_cell", "last_mail"]
    list_filter = ["enabled", TeamFilter]
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

    def delete_page(self, request: HttpRequest, row: Macro) -> HttpResponse:
        """Say what stops and what stays, then delete."""
        return delete(request, row, lambda: self.log_deletions(request, Macro.objects.filter(pk=row.pk)))

    # --- the list -------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("State"), ordering="enabled")
    def on_cell(self, macro: Macro) -> SafeString:
        """Return whether it is on."""
        return part("on_off", on=macro.enabled)

    @display(description=gettext_lazy("Applied on"))
    def applied_on(self, macro: Any) -> str:
        """Return which accounts it watches."""
        if macro.scope == Macro.AppliesTo.ALL:
            team = {"team": macro.team}
            return gettext("All accounts of %(team)s") % team if macro.team else gettext("All accounts")
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
        number = len({email for action in macro.actions.all() for email in action.emails})
        addresses = ngettext("%(number)s address", "%(number)s addresses", number) % {"number": number}
        linked = any(action.notify_consenters for action in macro.actions.all())
        return join_names([addresses] * bool(number) + [gettext("people who linked")] * linked) or "—"

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
        draft = preview.draft_of(macro) if macro else None
        context["preview"] = macro_preview.preview_beside(draft, macro) if draft else None
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

    def response_change(self, request: HttpRequest, obj: Macro) -> HttpResponse:
        """Say when the next mail goes out."""
        return self.response_add(request, obj)

    def response_add(
        self, request: HttpRequest, obj: Macro, post_url_continue: str | None = None
    ) -> HttpResponse:
        """Say when the first mail goes out, and offer to choose accounts where there is none."""
        draft = stored_draft(obj)
        assert draft is not None  # it was just saved with an action
        if not obj.enabled:
            then = gettext("It is off, so nothing is mailed.")
        else:
            found = preview.preview_draft(draft, now=timezone.now())
            then = (
                gettext("First mail: %(day)s.") % {"day": macro_preview.day_words(found.first_on)}
                if found.first_on
                else found.why_nothing
            )
        said = " ".join((gettext("Macro saved."), then))
        if draft.applied:
            messages.success(request, said)
        else:
            link = '{} <a class="at-link" href="{}">{}</a>'
            accounts = reverse("admin:accounts_account_changelist")
            messages.warning(request, format_html(link, said, accounts, gettext("Choose accounts")))
        return HttpResponseRedirect(home_of_macro(obj))

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

        GET: what a macro would do if it were applied to the accounts that the address names, and to them alone.
        403 for whoever may neither add nor see macros, or apply them.
        """
        macro = self._macro(request, request.GET.get("macro", ""))
        if request.method == "GET" and macro:
            return _of_accounts(request, macro)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        allowed = self.has_change_permission(request, macro) if macro else self.has_add_permission(request)
        if not allowed:
            if macro is None or not self.has_view_permission(request, macro):
                raise PermissionDenied
            return beside(request, macro, stored_draft(macro), edited=False)
        form = MacroForm(request.POST, instance=macro, user=person(request))
        if form.is_valid():
            return beside(request, macro, form.draft(), edited=True)
        typed = [name for name in ("emails", "days") if form[name].data]
        wrong = [str(text) for name in typed for text in form.errors.get(name, ())]
        return beside(request, macro, None, edited=True, wrong=wrong)

    def _macro(self, request: HttpRequest, pk: str) -> Macro | None:
        """Return a macro that the person sees; none for an empty id. Raises Http404."""
        if not pk:
            return None
        macro = self.get_queryset(request).filter(pk=id_of(pk)).first()
        if macro is None:
            raise Http404(gettext("There is no such macro."))
        return macro


def _of_accounts(request: HttpRequest, macro: Macro) -> HttpResponse:
    """Answer with what a macro would do of the accounts that the address names. 403 for whoever may not apply it."""
    access.require(request, "macros.apply_macro")
    visible = Account.objects.visible_to(person(request)).filter(pk__in=bulk.wanted(request))
    draft = stored_draft(macro)
    chosen = draft and replace(draft, accounts=list(visible.values_list("pk", flat=True)))
    return beside(request, macro, chosen, edited=False)

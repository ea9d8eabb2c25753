"""Unknown answers in the staff portal: read-only, with "say what it means" and "take it back", and an export without secrets."""

import json
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.admin import display
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from portal import access
from portal.choices import ChoiceFilter
from portal.lists import RowsWithPages
from tokens import unknown_answer_export, unknown_answer_words, unknown_answers
from tokens.channels.kinds import Verdict
from tokens.models import UnknownAnswer
from ui import confirm, kept
from ui.confirm import ConfirmForm, Done, Late, Page, Said
from ui.templatetags import ui as tags
from users.models import person

PERMISSION = "tokens.assign_verdict"
LINES = 10  # of the history


class MeaningForm(ConfirmForm):
    """What staff say an answer means. A log-in's death is not among the choices."""

    of_what_is_stored = True

    verdict = forms.ChoiceField(
        label=gettext_lazy("What does it mean?"),
        choices=unknown_answer_words.choices,
        widget=forms.RadioSelect,
        error_messages={"required": gettext_lazy("Choose what the answer means.")},
    )
    note = forms.CharField(
        label=gettext_lazy("How do you know?"),
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    @property
    def choices(self) -> list[tuple[forms.boundfield.BoundWidget, str]]:
        """Return each choice, with what AdToken does then."""
        return [(option, _effect(option.data["value"])) for option in self["verdict"]]


class MeaningFilter(ChoiceFilter):
    """What staff said that an answer means, in their words."""

    title = gettext_lazy("meaning")
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return what may be said, and that nobody has said it yet."""
        return [("none", gettext("Nobody has said it yet.")), *unknown_answer_words.choices()]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep answers of that meaning."""
        return rows.filter(verdict="" if value == "none" else value)


@admin.register(UnknownAnswer)
class UnknownAnswerAdmin(RowsWithPages):
    """What channels answered that no verdict table knows."""

    list_display = ["answer_cell", "state_cell", "call_cell", "count", "first_cell", "last_cell"]
    list_display_links = ["answer_cell"]
    list_filter = ["app__channel", "call", "status", MeaningFilter]
    search_fields = ["sample", "note", "fingerprint"]
    list_select_related = ["app"]
    actions = ["export_selected"]
    change_list_template = "admin/tokens/unknownanswer/change_list.html"
    list_title = gettext_lazy("Unknown answers")
    nouns = npgettext_lazy("of so many", "%(shown)s unknown answer", "%(shown)s unknown answers", "number")
    searched = gettext_lazy("Words of the answer, or note")
    empty_words = gettext_lazy("No unknown answers: AdToken has understood all that the channels said.")
    action_icons: ClassVar = {"export_selected": "download"}

    def list_facts(self, request: HttpRequest) -> dict[str, Any]:
        """Return the address of the whole export."""
        return {"export_url": reverse("admin:tokens_unknownanswer_export")}

    def row_name(self, row: UnknownAnswer) -> str:
        """Return channel and status."""
        return self.answer_cell(row)

    # --- the list -------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("Answer"), ordering="status")
    def answer_cell(self, answer: UnknownAnswer) -> str:
        """Return channel and status."""
        facts = {"channel": answer.app.get_channel_display(), "status": answer.status}
        return gettext("%(channel)s answered %(status)s") % facts

    @display(description=gettext_lazy("State"), ordering="verdict")
    def state_cell(self, answer: UnknownAnswer) -> SafeString:
        """Return the pill, and what staff said."""
        meaning = unknown_answer_words.meaning(answer)
        return (
            format_html('{}<span class="at-second">{}</span>', pill(answer), meaning)
            if meaning
            else pill(answer)
        )

    @display(description=gettext_lazy("To"), ordering="call")
    def call_cell(self, answer: UnknownAnswer) -> str:
        """Return what was asked."""
        return unknown_answer_words.call(answer.call)

    @display(description=gettext_lazy("First seen"), ordering="first_seen_at")
    def first_cell(self, answer: UnknownAnswer) -> SafeString:
        """Return when it was first met."""
        return tags.when(answer.first_seen_at)

    @display(description=gettext_lazy("Last seen"), ordering="last_seen_at")
    def last_cell(self, answer: UnknownAnswer) -> SafeString:
        """Return when it was last met while nobody had said what it means."""
        return tags.when(answer.last_seen_at)

    @display(description=gettext_lazy("Export as JSON"))
    def export_selected(self, request: HttpRequest, chosen: QuerySet[UnknownAnswer]) -> HttpResponse:
        """Answer with the ticked answers as a file."""
        return unknown_answer_export.file(chosen, now=timezone.now())

    # --- one answer -----------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Return list, export, the answer's own page and its two actions."""
        kept = {"tokens_unknownanswer_changelist", "tokens_unknownanswer_change"}
        wrap = self.admin_site.admin_view
        return [
            path("export/", wrap(self.export_all), name="tokens_unknownanswer_export"),
            path("<int:answer_id>/say/", wrap(self.say), name="tokens_unknownanswer_say"),
            path("<int:answer_id>/take-back/", wrap(self.take_back), name="tokens_unknownanswer_take_back"),
            *[url for url in super().get_urls() if url.name in kept],
        ]

    def export_all(self, request: HttpRequest) -> HttpResponse:
        """Answer with all answers as a file. 403 without the permission."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD"}:
            return HttpResponseNotAllowed(["GET"])
        return unknown_answer_export.file(self.get_queryset(request), now=timezone.now())

    def row_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show one answer: what was said, what we do meanwhile, and who said what of it."""
        answer = self._answer(request, pk)
        context = {
            **access.frame_of(answer)(request),
            **self._about(answer),
            "title": unknown_answer_words.title(answer),
            "may_say": request.user.has_perm(PERMISSION),
            "history": _history(answer),
        }
        return TemplateResponse(request, "portal/unknown_answer.html", context)

    @method_decorator(transaction.atomic)  # whoever says it at the same moment waits
    def say(self, request: HttpRequest, answer_id: int) -> HttpResponse:
        """Ask what the answer means (GET), keep it (POST)."""
        if request.method == "POST":
            unknown_answers.lock(answer_id)
        answer = self._for_action(request, answer_id)
        page = Page(
            "portal/confirm/say_what_it_means.html",
            _address(answer),
            self._about(answer) | {"channel": answer.app.get_channel_display()},
            ask_why=False,
            form=partial(MeaningForm, initial={"verdict": answer.verdict, "note": answer.note}),
        )

        def do(said: Said) -> Done:
            verdict = Verdict(said.cleaned["verdict"])
            unknown_answers.assign(
                answer=answer, verdict=verdict, note=said.note, actor=person(request), now=timezone.now()
            )
            meaning = unknown_answer_words.said(verdict)
            access.log_change(
                request,
                answer,
                "answer_explained",
                meaning=unknown_answer_words.kept(verdict),
                note=said.note,
            )
            return Done({"meaning": meaning})

        return confirm.answer(request, page, do, frame=access.frame_of(answer))

    def take_back(self, request: HttpRequest, answer_id: int) -> HttpResponse:
        """Ask (GET), then forget what was said (POST)."""
        answer = self._for_action(request, answer_id)
        page = Page(
            "portal/confirm/take_back_what_was_said.html",
            _address(answer),
            self._about(answer),
            refused="" if answer.verdict else gettext("Nothing is said of this answer."),
            ask_why=False,
        )

        def do(_said: Said) -> None:
            if not answer.verdict:
                raise Late
            unknown_answers.take_back(answer=answer, now=timezone.now())
            access.log_change(
                request, answer, "answer_taken_back", meaning=unknown_answer_words.kept(answer.verdict)
            )

        return confirm.answer(request, page, do, frame=access.frame_of(answer))

    def _about(self, answer: UnknownAnswer) -> dict[str, Any]:
        return {
            "answer": answer,
            "name": unknown_answer_words.title(answer),
            "pill": pill(answer),
            "call": unknown_answer_words.call(answer.call),
            "sample": _sample(answer),
            "meaning": unknown_answer_words.meaning(answer),
            "meanwhile": unknown_answer_words.meanwhile(answer),
            "apps": UnknownAnswer.objects.filter(fingerprint=answer.fingerprint).count(),
            "back": _address(answer),
            "list_url": reverse("admin:tokens_unknownanswer_changelist"),
        }

    def _answer(self, request: HttpRequest, pk: int) -> UnknownAnswer:
        """Return an answer. Raises Http404, or PermissionDenied without the permission."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = UnknownAnswer.objects.select_related("app", "assigned_by", "last_token")
        found = rows.filter(pk=pk).first()
        if found is None:
            raise Http404(gettext("There is no such answer."))
        return found

    def _for_action(self, request: HttpRequest, answer_id: int) -> UnknownAnswer:
        if not request.user.has_perm(PERMISSION):
            raise PermissionDenied
        return self._answer(request, answer_id)


def pill(answer: UnknownAnswer) -> SafeString:
    """Return whether somebody said what it means, as a pill."""
    return tags.pill("answer", "explained" if answer.verdict else "unknown")


def _sample(answer: UnknownAnswer) -> str:
    """Return what was said: text as it is, JSON indented."""
    body = answer.sample.get("body")
    return body if isinstance(body, str) and body else json.dumps(body, indent=2, ensure_ascii=False)


def _effect(verdict: str) -> str:
    return unknown_answer_words.then(verdict)


def _address(answer: UnknownAnswer) -> str:
    return reverse("admin:tokens_unknownanswer_change", args=[answer.pk])


def _history(answer: UnknownAnswer) -> list[LogEntry]:
    kind = ContentType.objects.get_for_model(UnknownAnswer)
    rows = LogEntry.objects.filter(content_type=kind, object_id=str(answer.pk)).select_related("user")
    found = list(rows.order_by("-action_time")[:LINES])
    for entry in found:
        entry.change_message = kept.said(entry.change_message)
    return found

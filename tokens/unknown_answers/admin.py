"""Unknown answers in the staff portal: what channels said that no verdict table knows, to be read."""

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from portal import access
from portal.lists import RowsWithPages
from tokens.models import UnknownAnswer
from tokens.unknown_answers import services as unknown_answers
from ui.templatetags import ui as tags


@admin.register(UnknownAnswer)
class UnknownAnswerAdmin(RowsWithPages):
    """What channels answered that no verdict table knows."""

    list_display = ["answer_cell", "call_cell", "count", "first_cell", "last_cell"]
    list_display_links = ["answer_cell"]
    list_filter = ["app__channel", "call", "status"]
    search_fields = ["sample", "fingerprint"]
    list_select_related = ["app"]
    actions = None
    list_title = gettext_lazy("Unknown answers")
    nouns = npgettext_lazy("of so many", "%(shown)s unknown answer", "%(shown)s unknown answers", "number")
    searched = gettext_lazy("Words of the answer")
    empty_words = gettext_lazy("No unknown answers: AdToken has understood all that the channels said.")

    def row_name(self, row: UnknownAnswer) -> str:
        """Return channel and status."""
        return self.answer_cell(row)

    @display(description=gettext_lazy("Answer"), ordering="status")
    def answer_cell(self, answer: UnknownAnswer) -> str:
        """Return channel and status."""
        facts = {"channel": answer.app.get_channel_display(), "status": answer.status}
        return gettext("%(channel)s answered %(status)s") % facts

    @display(description=gettext_lazy("To"), ordering="call")
    def call_cell(self, answer: UnknownAnswer) -> str:
        """Return what was asked."""
        return unknown_answers.call_name(answer.call)

    @display(description=gettext_lazy("First seen"), ordering="first_seen_at")
    def first_cell(self, answer: UnknownAnswer) -> SafeString:
        """Return when it was first met."""
        return tags.when(answer.first_seen_at)

    @display(description=gettext_lazy("Last seen"), ordering="last_seen_at")
    def last_cell(self, answer: UnknownAnswer) -> SafeString:
        """Return when it was last met."""
        return tags.when(answer.last_seen_at)

    def get_urls(self) -> list[URLPattern]:
        """Return the list and an answer's own page."""
        kept = {"tokens_unknownanswer_changelist", "tokens_unknownanswer_change"}
        return [url for url in super().get_urls() if url.name in kept]

    def row_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show one answer: what was said, and what we do with it. Raises Http404, or PermissionDenied without the permission."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        answer = UnknownAnswer.objects.select_related("app").filter(pk=pk).first()
        if answer is None:
            raise Http404(gettext("There is no such answer."))
        context = {
            **access.frame_of(answer)(request),
            "answer": answer,
            "title": unknown_answers.answer_title(answer),
            "call": unknown_answers.call_name(answer.call),
            "sample": _sample(answer),
            "meanwhile": unknown_answers.what_we_do_meanwhile(answer),
            "apps": UnknownAnswer.objects.filter(fingerprint=answer.fingerprint).count(),
            "list_url": reverse("admin:tokens_unknownanswer_changelist"),
        }
        return TemplateResponse(request, "portal/unknown_answer.html", context)


def _sample(answer: UnknownAnswer) -> Any:
    """Return what was said: text as it is, JSON indented."""
    body = answer.sample.get("body")
    return body if isinstance(body, str) and body else json.dumps(body, indent=2, ensure_ascii=False)

"""Failed links in the staff portal, read-only: what a person met, found by the code on the page."""

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from accounts.models import LinkProblem
from portal import access
from portal.lists import RowsWithPages
from ui.templatetags import ui as tags
from users.models import person
from users.people.queries import names_for

_WHERE = {
    LinkProblem.Kind.UNCLEAR: "admin:tokens_unknownanswer_changelist",
    LinkProblem.Kind.OUR_APP: "admin:tokens_channelapp_changelist",
    LinkProblem.Kind.NOT_SET_UP: "admin:tokens_channelapp_changelist",
}


@admin.register(LinkProblem)
class LinkProblemAdmin(RowsWithPages):
    """What people met while linking, for 90 days. Staff see the people of their teams."""

    list_display = ["code", "person_cell", "channel", "kind", "when_cell"]
    list_filter = ["channel", "kind"]
    search_fields = ["code", "user__email", "user__name", "client_link__email"]
    list_select_related = ["user", "client_link"]
    list_title = gettext_lazy("Failed links")
    nouns = npgettext_lazy("of so many", "%(shown)s failed link", "%(shown)s failed links", "number")
    searched = gettext_lazy("Code, e-mail or name")
    empty_words = gettext_lazy("No failed links: nobody was stopped while linking.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[LinkProblem]:
        """Return the problems of the viewer's colleagues, their own, and those of client links of their teams."""
        rows = LinkProblem.objects.visible_to(person(request)).order_by(*self.get_ordering(request))
        return rows.select_related("user", "client_link__team", "client_link__made_by")

    @display(description=gettext_lazy("Person"), ordering="user__email")
    def person_cell(self, problem: LinkProblem) -> str:
        """Return who it was."""
        return problem.whose or gettext("somebody who was deleted")

    @display(description=gettext_lazy("When"), ordering="at")
    def when_cell(self, problem: LinkProblem) -> SafeString:
        """Return when it was."""
        return tags.when(problem.at)

    def row_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show one problem: who, when, what the page said, what the channel said, and what to do.

        404 for one that the viewer does not see.
        """
        problem = self.get_queryset(request).filter(pk=pk).first()
        if problem is None:
            raise Http404(gettext("There is no such failed link."))
        words = {"kind": problem.kind, "channel": problem.get_channel_display()}
        heading, cause = (
            render_to_string("words/link_error.html", {**words, "part": part}).strip()
            for part in ("heading", "cause")
        )
        link = problem.link_for(person(request))
        where = _WHERE.get(LinkProblem.Kind(problem.kind))
        context = {
            **access.frame_of(problem)(request),
            "title": problem.code,
            "problem": problem,
            "client_link": link,
            "made_by": names_for(request.user).user(link.made_by) if link else "",
            "heading": heading,
            "cause": cause,
            "where": reverse(where) if where else "",
        }
        return TemplateResponse(request, "portal/link_problem.html", context)

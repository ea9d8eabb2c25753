"""Messages in the staff portal: read-only, with the action "send again". History that can be edited is no history."""

from typing import Any, cast

from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from accounts.account_pages import message_rows
from accounts.account_pages.filters import TeamFilter
from macros.models import Macro
from macros.notices import history as message_history
from macros.why import admin as why
from notifications.delivery import claims
from notifications.models import Message, MessageQuerySet
from notifications.outbox import facts_behind, name_of_kind
from portal import access
from portal.filters import ChoiceFilter, OfTheAddress
from portal.lists import RowsWithPages
from ui import confirm
from ui import stored_phrases as kept
from ui.confirm import Late, Page, Said
from ui.templatetags import ui as tags
from users.models import person

RETRY = "notifications.retry_message"
# A mail is content from outside the portal: nothing in it may run, load or submit.
MAIL_POLICY = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


def message_pill(message: Message) -> SafeString:
    """Return the state as a pill."""
    return tags.pill("message", message.state)


class ToFilter(OfTheAddress):
    """Mails to one address, which the address of the list names whole. It offers no other one."""

    title = gettext_lazy("recipient")
    parameter_name = "to"

    def words(self, value: str) -> str:
        """Return the address that is chosen."""
        return value

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep messages to this address, and to no other that holds it."""
        return rows.filter(recipient=value.strip().lower())


class MacroFilter(ChoiceFilter):
    """The macros that the viewer sees."""

    title = gettext_lazy("macro")
    parameter_name = "macro"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the macros by name."""
        found = Macro.objects.visible_to(request.user).order_by("name")
        return [(str(pk), name) for pk, name in found.values_list("pk", "name")]

    def keep(self, rows: QuerySet[Any], value: str) -> QuerySet[Any]:
        """Keep messages that carry something of the macro."""
        return rows.filter(pk__in=message_history.mails_of_macro(int(value)).values("pk"))


class SendingFilter(OfTheAddress):
    """Mails that the start page counts: what is to be sent by now, failed in the last day, or is kept back by our own mail server."""

    title = gettext_lazy("sending")
    parameter_name = "sending"

    def words(self, value: str) -> str:
        """Return "failed in the last day"."""
        said = {
            message_rows.DUE: gettext("to be sent by now"),
            message_rows.FAILED: gettext("failed in the last day"),
            message_rows.KEPT_BACK: gettext("not taken by the mail server"),
        }
        return said.get(value, "")

    def keep(self, rows: MessageQuerySet, value: str) -> MessageQuerySet:
        """Keep the mails."""
        return message_rows.mails_of_sending(value, rows, timezone.now())


@admin.register(Message)
class MessageAdmin(RowsWithPages):
    """What went out, what did not, and why."""

    list_display = [
        "subject_cell",
        "state_cell",
        "recipient",
        "kind_cell",
        "team",
        "when_cell",
    ]
    list_display_links = ["subject_cell"]
    list_filter = ["state", MacroFilter, ToFilter, TeamFilter, SendingFilter]
    search_fields = ["recipient", "subject"]
    list_select_related = ["team"]
    ordering = ["-created_at", "-id"]
    change_list_template = "admin/notifications/message/change_list.html"
    list_title = gettext_lazy("Messages")
    nouns = npgettext_lazy("of so many", "%(shown)s message", "%(shown)s messages", "number")
    searched = gettext_lazy("Recipient or subject")
    empty_words = gettext_lazy("No messages: AdToken has mailed nobody yet.")

    def list_facts(self, request: HttpRequest) -> dict[str, Any]:
        """Return what waits to leave."""
        return {
            "waiting": message_rows.waiting_mails(timezone.now(), person(request)),
            "why_url": why.url() if request.user.has_perm(access.VIEW) else "",
        }

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Return the messages of the person's teams, and their own; the bodies stay in the database."""
        rows = cast("MessageQuerySet", super().get_queryset(request))
        return rows.visible_to(person(request)).defer("text", "html")

    def row_name(self, row: Message) -> str:
        """Return the subject."""
        return str(self.subject_cell(row))

    # --- the list -------------------------------------------------------------------------------------------------

    @display(description=gettext_lazy("Subject"), ordering="subject")
    def subject_cell(self, message: Message) -> str:
        """Return the subject; before it is sent there is none."""
        return message.subject or gettext("Made when it is sent")

    @display(description=gettext_lazy("State"), ordering="state")
    def state_cell(self, message: Message) -> SafeString:
        """Return the pill, and why it failed, was cancelled, or waits."""
        why = kept.said(message.error)
        return format_html('{0}<span class="at-second" title="{1}">{1}</span>', message_pill(message), why)

    @display(description=gettext_lazy("Kind"), ordering="kind")
    def kind_cell(self, message: Message) -> str:
        """Return the kind in words."""
        return name_of_kind(message)

    @display(description=gettext_lazy("When"), ordering="created_at")
    def when_cell(self, message: Message) -> SafeString:
        """Return when it was sent, else when it was written."""
        return tags.when(message.sent_at or message.created_at)

    # --- one message ------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the mail's own page and the action."""
        wrap = self.admin_site.admin_view
        views = (("html", "html", self.html_view), ("send-again", "send_again", self.send_again))
        return [
            *(
                path(f"<int:message_id>/{tail}/", wrap(view), name=f"notifications_message_{name}")
                for tail, name, view in views
            ),
            *super().get_urls(),
        ]

    def row_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show one message: the mail, and why it was or was not sent."""
        message = self._message(request, pk)
        context = {
            **access.frame_of(message)(request),
            "title": message.subject or gettext("Message to %(address)s") % {"address": message.recipient},
            "message": message,
            "pill": message_pill(message),
            "kind": name_of_kind(message),
            "facts": facts_behind(message),
            "may_send_again": message.has_ended and request.user.has_perm(RETRY),
        }
        return TemplateResponse(request, "portal/messages/message.html", context)

    def html_view(self, request: HttpRequest, message_id: int) -> HttpResponse:
        """Show the HTML of a mail on its own page, under a policy that lets nothing run or load."""
        return _framed(self._message(request, message_id).html)

    def _message(self, request: HttpRequest, pk: int) -> Message:
        """Return a message that the person sees. Raises Http404, or PermissionDenied without the permission."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_queryset(request).select_related("team").defer(None)
        message = rows.filter(pk=pk).first()
        if message is None:
            raise Http404(gettext("There is no such message."))
        return message

    def send_again(self, request: HttpRequest, message_id: int) -> HttpResponse:
        """Ask (GET), then put the mail into the queue again (POST). Raises Http404, or PermissionDenied without both permissions."""
        message = self._message(request, message_id)
        if not request.user.has_perm(RETRY):
            raise PermissionDenied
        back = reverse("admin:notifications_message_change", args=[message.pk])
        facts = {"message": message, "pill": message_pill(message)}
        page = Page(
            "portal/confirm/send_mail_again.html", back, facts, late=not message.has_ended, ask_why=False
        )

        def do(_said: Said) -> None:
            if not claims.send_again(message_id=message.pk, now=timezone.now()):
                raise Late
            access.log_change(request, message, "sent_again")

        return confirm.answer(request, page, do, frame=access.frame_of(message))


def _framed(html: str) -> HttpResponse:
    """Return a mail's HTML under a policy of its own: only pages of AdToken hold it in a frame."""
    response = HttpResponse(html)
    response["Content-Security-Policy"] = MAIL_POLICY
    response["X-Frame-Options"] = "SAMEORIGIN"
    response.csp_exempt = True  # type: ignore[attr-defined]  # csp's way: its own header would replace ours
    return response

"""Messages in the staff portal: read-only, with the deeds "send again" and "cancel". History that can be edited is no history."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display

from notifications import claims, kinds
from notifications.models import Message
from ui.paging import CappedPaginator
from ui.templatetags import ui as tags
from users import retention
from users.models import Team, User
from users.retention_kinds import MESSAGES, TEXTS

# A mail is content from outside the portal: nothing in it may run, load or submit.
MAIL_POLICY = "sandbox allow-popups; default-src 'none'; style-src 'unsafe-inline'; img-src data:; frame-ancestors 'self'"


@dataclass(frozen=True)
class Deed:
    """What staff may do with a message: the words of its confirm page, when it can be done, and the service."""

    slug: str
    question: str
    effect: str
    button: str
    done: str
    late: str
    states: frozenset[str]
    do: Callable[[Message, User], bool]


def _send_again(message: Message, _user: User) -> bool:
    return claims.send_again(message_id=message.pk, now=timezone.now())


def _cancel(message: Message, user: User) -> bool:
    return claims.cancel(message_id=message.pk, reason=f"Cancelled by {user}.")


SEND_AGAIN = Deed(
    slug="send-again",
    question="Send this mail to {recipient} again?",
    effect="The text is made anew from what holds then. If nothing is left to say, the mail is cancelled with the reason.",
    button="Send again",
    done="The mail to {recipient} is in the queue again.",
    late="Somebody was faster: this mail is on its way already.",
    states=frozenset({Message.State.SENT, Message.State.FAILED, Message.State.CANCELLED}),
    do=_send_again,
)
CANCEL = Deed(
    slug="cancel",
    question="Cancel this mail to {recipient}?",
    effect="It is not sent. Nobody else is told about the same thing in its place. “Send again” brings it back.",
    button="Cancel the mail",
    done="The mail to {recipient} is cancelled.",
    late="Too late: this mail is being sent, or has been.",
    states=frozenset({Message.State.QUEUED}),
    do=_cancel,
)
DEEDS = (SEND_AGAIN, CANCEL)


def pill(message: Message) -> SafeString:
    """Return the state as a pill."""
    return tags.pill("message", message.state)


class KindFilter(admin.SimpleListFilter):
    """The kinds that there are, in words."""

    title = "kind"
    parameter_name = "kind__exact"

    def lookups(self, request: HttpRequest, model_admin: ModelAdmin) -> list[tuple[str, str]]:
        """Return the kinds by name."""
        return sorted(((key, kind.name) for key, kind in kinds.KINDS.items()), key=lambda one: one[1])

    def queryset(self, request: HttpRequest, queryset: QuerySet[Message]) -> QuerySet[Message]:
        """Keep messages of the kind."""
        return queryset.filter(kind=self.value()) if self.value() in kinds.KINDS else queryset


@admin.register(Message)
class MessageAdmin(ModelAdmin):  # type: ignore[misc]  # the theme ships no types
    """What went out, what did not, and why."""

    list_display = [
        "subject_cell",
        "state_cell",
        "recipient",
        "kind_cell",
        "team",
        "when_cell",
        "reason_cell",
    ]
    list_display_links = ["subject_cell"]
    list_filter = ["state", KindFilter, "team", "created_at"]
    search_fields = ["recipient", "subject"]
    list_select_related = ["team"]
    list_per_page = 50
    show_full_result_count = False
    paginator = CappedPaginator
    ordering = ["-created_at", "-id"]
    list_before_template = "portal/messages/_kept.html"

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, and from when on it is whole."""
        now = timezone.now()
        since = {
            "mails_since": retention.kept_since(MESSAGES, now),
            "texts_since": retention.kept_since(TEXTS, now),
        }
        return super().changelist_view(request, {**since, **(extra_context or {})})  # type: ignore[no-any-return]  # untyped theme

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        """Return the messages of the person's teams, and their own; the bodies stay in the database."""
        rows = super().get_queryset(request).defer("text", "html")
        user = request.user
        if user.is_superuser:
            return rows  # type: ignore[no-any-return]  # untyped theme
        teams = Team.objects.filter(memberships__user=user.pk)
        return rows.filter(Q(team__in=teams) | Q(recipient=getattr(user, "email", "")))  # type: ignore[no-any-return]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Messages come from their causes."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """Read-only."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Message | None = None) -> bool:
        """Read-only."""
        return False

    # --- the list -------------------------------------------------------------------------------------------------

    @display(description="Subject", ordering="subject")
    def subject_cell(self, message: Message) -> str:
        """Return the subject; before it is sent there is none."""
        return message.subject or "Made when it is sent"

    @display(description="State", ordering="state")
    def state_cell(self, message: Message) -> SafeString:
        """Return the pill."""
        return pill(message)

    @display(description="Kind", ordering="kind")
    def kind_cell(self, message: Message) -> str:
        """Return the kind in words."""
        return kinds.name(message)

    @display(description="When", ordering="created_at")
    def when_cell(self, message: Message) -> str:
        """Return when it was sent, else when it was written."""
        at = message.sent_at or message.created_at
        return timezone.localtime(at).strftime("%a %-d %b %Y, %H:%M")

    @display(description="Reason")
    def reason_cell(self, message: Message) -> str:
        """Return why it failed, was cancelled, or waits."""
        return message.error or "—"

    # --- one message ------------------------------------------------------------------------------------------------

    def get_urls(self) -> list[URLPattern]:
        """Add the mail's own page and the deeds."""
        wrap = self.admin_site.admin_view
        deeds = [
            path(
                f"<int:message_id>/{deed.slug}/",
                wrap(self._view_of(deed)),
                name=f"notifications_message_{deed.slug.replace('-', '_')}",
            )
            for deed in DEEDS
        ]
        html = path("<int:message_id>/html/", wrap(self.html_view), name="notifications_message_html")
        return [html, *deeds, *super().get_urls()]

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show one message: the mail, and why it was or was not sent."""
        if request.method not in {"GET", "HEAD"}:
            raise PermissionDenied
        message = self._message(request, object_id)
        context = {
            **self.admin_site.each_context(request),
            "title": message.subject or f"Message to {message.recipient}",
            "opts": self.opts,
            "message": message,
            "pill": pill(message),
            "kind": kinds.name(message),
            "facts": kinds.why(message),
            "deeds": self._deeds_for(request, message),
            "texts_since": retention.kept_since(TEXTS, timezone.now()),
        }
        return TemplateResponse(request, "portal/messages/message.html", context)

    def html_view(self, request: HttpRequest, message_id: int) -> HttpResponse:
        """Show the HTML of a mail on its own page, under a policy that lets nothing run or load."""
        response = HttpResponse(self._message(request, str(message_id)).html)
        response["Content-Security-Policy"] = MAIL_POLICY
        response["X-Frame-Options"] = "SAMEORIGIN"
        response.csp_exempt = True  # type: ignore[attr-defined]  # csp's way: its own header would replace ours
        return response

    def _message(self, request: HttpRequest, pk: str) -> Message:
        """Return a message that the person sees. Raises Http404, or PermissionDenied without the permission."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        rows = self.get_queryset(request).select_related("team").defer(None)
        message = rows.filter(pk=pk).first() if pk.isascii() and pk.isdigit() and len(pk) < 19 else None
        if message is None:
            raise Http404("There is no such message.")
        return message

    def _deeds_for(self, request: HttpRequest, message: Message) -> list[dict[str, str]]:
        if not request.user.has_perm("notifications.retry_message"):
            return []
        return [
            {"label": deed.button, "url": _address(deed, message)}
            for deed in DEEDS
            if message.state in deed.states
        ]

    def _view_of(self, deed: Deed) -> Callable[..., HttpResponse]:
        def view(request: HttpRequest, message_id: int) -> HttpResponse:
            return self._confirmed(request, message_id, deed)

        return view

    def _confirmed(self, request: HttpRequest, message_id: int, deed: Deed) -> HttpResponse:
        """GET asks, POST does it and leaves one entry in the log."""
        message = self._message(request, str(message_id))
        user = request.user
        if not isinstance(user, User) or not user.has_perm("notifications.retry_message"):
            raise PermissionDenied
        if request.method not in {"GET", "HEAD", "POST"}:
            return HttpResponseNotAllowed(["GET", "POST"])
        back = reverse("admin:notifications_message_change", args=[message.pk])
        if request.method == "POST":
            if deed.do(message, user):
                rows = Message.objects.filter(pk=message.pk)
                LogEntry.objects.log_actions(user.pk, rows, CHANGE, deed.button, single_object=True)
                messages.success(request, deed.done.format(recipient=message.recipient))
            else:
                messages.error(request, deed.late)
            return HttpResponseRedirect(back)
        context = {
            **self.admin_site.each_context(request),
            "title": deed.question.format(recipient=message.recipient),
            "opts": self.opts,
            "message": message,
            "pill": pill(message),
            "deed": deed,
            "refused": "" if message.state in deed.states else deed.late,
            "back": back,
        }
        return TemplateResponse(request, "portal/messages/confirm.html", context)


def _address(deed: Deed, message: Message) -> str:
    return reverse(f"admin:notifications_message_{deed.slug.replace('-', '_')}", args=[message.pk])

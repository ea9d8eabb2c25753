"""Incidents in the staff portal: what is held because a channel ended many log-ins, or took their ad accounts, at once, why, and what
staff decide."""

import json
from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy, npgettext_lazy

from accounts.mails import incident_mail
from accounts.tasks import tend_incidents
from portal import access
from portal.lists import RowsWithPages
from tokens import lifecycle, reasons, scrub
from tokens.deaths import Incident, TokenDeath
from ui import confirm
from ui.confirm import Done, Late, Page, Said
from ui.templatetags import ui as tags
from users import asking_workers
from users.models import person

SHOWN = 100  # log-ins on the page
RELEASE, DISCARD = TokenDeath.Decision.RELEASE, TokenDeath.Decision.DISCARD


@admin.register(Incident)
class IncidentAdmin(RowsWithPages):
    """Times in which many log-ins of one channel app were said to have ended, or lost ad accounts, at once. For those who may decide."""

    list_display = ["name_cell", "state_cell", "held_cell", "began_cell", "ended_cell"]
    list_display_links = ["name_cell"]
    list_filter = ["app__channel"]
    list_select_related = ["app"]
    list_title = gettext_lazy("Incidents")
    nouns = npgettext_lazy("of so many", "%(shown)s incident", "%(shown)s incidents", "number")
    empty_words = gettext_lazy(
        "No incidents: no channel ended many log-ins, or took their ad accounts, at once."
    )

    def row_name(self, row: Incident) -> str:
        """Return whose incident it is, in words."""
        return gettext("%(channel)s: many log-ins at once") % {"channel": row.app.get_channel_display()}

    def has_view_permission(self, request: HttpRequest, obj: Incident | None = None) -> bool:
        """The log-ins of all teams stand here: for whoever decides, and for auditors."""
        looks = request.user.has_perm("tokens.view_incident") and person(request).sees_all_teams
        return looks or request.user.has_perm(access.DECIDE)

    def has_module_permission(self, request: HttpRequest) -> bool:
        """The same."""
        return self.has_view_permission(request)

    @display(description=gettext_lazy("Channel app"), ordering="app")
    def name_cell(self, incident: Incident) -> str:
        """Return whose log-ins they are."""
        return str(incident.app)

    @display(description=gettext_lazy("State"), ordering="ended_at")
    def state_cell(self, incident: Incident) -> SafeString:
        """Return whether something is still held, nothing is, or it is over."""
        return tags.pill(incident_mail.pill(incident))

    @display(description=gettext_lazy("Held now"))
    def held_cell(self, incident: Incident) -> str:
        """Return how many log-ins are held."""
        return "–" if incident.ended_at else str(_held(incident).values("token").distinct().count())

    @display(description=gettext_lazy("Began"), ordering="began_at")
    def began_cell(self, incident: Incident) -> SafeString:
        """Return when the first one was held."""
        return tags.when(incident.began_at)

    @display(description=gettext_lazy("Ended"), ordering="ended_at")
    def ended_cell(self, incident: Incident) -> Any:
        """Return since when nothing has been held."""
        return tags.when(incident.ended_at) if incident.ended_at else "–"

    def get_urls(self) -> list[URLPattern]:
        """Return the list, the page of one, and the page that asks before staff decide."""
        kept = {"tokens_incident_changelist", "tokens_incident_change"}
        decide = self.admin_site.admin_view(self.decide)
        return [
            path("<int:incident_id>/decide/<str:decision>/", decide, name="tokens_incident_decide"),
            *[url for url in super().get_urls() if url.name in kept],
        ]

    def row_page(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Show one: what is held, which answers it were, when they are asked again."""
        incident = _incident(pk)
        held = _held(incident)
        context = {
            **access.frame_of(incident)(request),
            "title": self.row_name(incident),
            "incident": incident,
            "heading": incident_mail.heading(incident),
            "pill": incident_mail.pill(incident),
            "held": held.values("token").distinct().count(),
            "waiting": held.exclude(decision="").exists(),
            "answers": [_answer(incident, *one) for one in incident_mail.answers(incident)],
            "outcomes": incident_mail.outcomes(incident),
            "rows": [_row(death) for death in _with_accounts(held)[:SHOWN]],
            "shown": SHOWN,
            "decides": request.user.has_perm(access.DECIDE),
            "release_url": _url("decide", incident.pk, RELEASE.value),
            "release_label": _release(incident),
            "discard_url": _url("decide", incident.pk, DISCARD.value),
        }
        return TemplateResponse(request, "portal/incident.html", context)

    def decide(self, request: HttpRequest, incident_id: int, decision: str) -> HttpResponse:
        """Ask (GET), then let what is held through, or discard it (POST). 404 for any other decision."""
        if not request.user.has_perm(access.DECIDE):
            raise PermissionDenied
        incident = _incident(incident_id)
        if decision not in TokenDeath.Decision.values:
            raise Http404(gettext("There is no such decision."))
        held = _held(incident).filter(decision="")
        label, losses = incident.app.get_channel_display(), _losses(incident)
        facts = {
            "channel": label,
            "waiting": held.values("token").distinct().count(),
            "losses": losses,
            "ends": held.filter(kind=TokenDeath.Kind.LOG_IN).exists(),
            "renewals": held.filter(kind=TokenDeath.Kind.RENEWAL).exists(),
            "interrupts": held.exclude(kind=TokenDeath.Kind.ACCESS).exists(),
        }
        page = Page(
            f"portal/confirm/{'believe' if decision == RELEASE else 'discard'}_incident.html",
            _url("change", incident.pk),
            facts,
            late=not facts["waiting"],
            danger=decision == RELEASE,
            ask_why=False,
        )

        def do(_said: Said) -> Done:
            if page.late:
                raise Late
            number = lifecycle.decide(
                app_id=incident.app_id, decision=decision, actor=person(request), now=timezone.now()
            )
            block = "incident_believed" if decision == RELEASE else "incident_discarded"
            access.log_change(request, incident, block, number=number)
            asking_workers.ask(tend_incidents)
            return Done({"decided": number})

        return confirm.answer(request, page, do, frame=access.frame_of(incident))


def _incident(pk: int) -> Incident:
    found = Incident.objects.filter(pk=pk).select_related("app").first()
    if found is None:
        raise Http404(gettext("There is no such incident."))
    return found


def _held(incident: Incident) -> QuerySet[TokenDeath]:
    if incident.ended_at is not None:
        return TokenDeath.objects.none()
    return TokenDeath.objects.held().filter(app=incident.app_id)


def _with_accounts(held: QuerySet[TokenDeath]) -> QuerySet[TokenDeath]:
    rows = held.select_related("token__app", "token__consented_by").order_by("pk")
    return rows.prefetch_related("token__pool_entries__account")


def _answer(incident: Incident, row: str, reason: str, number: int) -> dict[str, Any]:
    """Return one kind of answer: the row of the table, what it means, how often, and the channel's own words once."""
    first = TokenDeath.objects.of_incident(incident).filter(row=row, reason=reason).last()
    return {
        "row": row,
        "number": number,
        "meaning": reasons.explain(incident.app.channel, reason).short,
        "said": scrub.text(json.dumps(first.evidence, ensure_ascii=False, indent=2))
        if first and first.evidence
        else "",
    }


def _row(death: TokenDeath) -> dict[str, Any]:
    token = death.token
    accounts = [entry.account for entry in token.pool_entries.all()]
    return {
        "person": token.consented_by or token.native_user_name,
        "native": token.native_user_name or token.native_user_id,
        "account": accounts[0] if accounts else None,
        "more": len(accounts) - 1,
        "death": death,
        "meaning": reasons.explain(token.app.channel, death.reason).short,
    }


def _losses(incident: Incident) -> bool:
    """Return whether ad accounts are held that would be taken away, and not log-ins alone."""
    return _held(incident).filter(kind=TokenDeath.Kind.ACCESS).exists()


def _release(incident: Incident) -> str:
    return gettext("Believe it") if _losses(incident) else gettext("Let them end")


def _url(name: str, *args: Any) -> str:
    return reverse(f"admin:tokens_incident_{name}", args=args)

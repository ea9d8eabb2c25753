"""Offboarding a person: the page says what stops, who could carry on, and what happens in which order; its POST locks out and begins."""

from collections.abc import Sequence
from functools import partial
from typing import Any

from django import forms
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape
from django.utils.http import urlencode
from django.utils.translation import gettext, gettext_lazy, ngettext

from accounts import api_keys, backing_up, handing_over, leaving, leaving_steps, permissions, saved_views
from accounts.jobs.kinds import OFFBOARD
from accounts.leaving import Plan, Then
from accounts.models import Account, ApiKey
from accounts.offboarding import PERMISSION as PERMISSION
from accounts.offboarding import carries_for_others
from accounts.offboarding import may as may
from macros import owning, scope
from macros.models import Macro
from portal import access, asking, jobs, offboarding_invites
from tokens.channels import declarations
from ui import confirm
from ui.confirm import ConfirmForm, ConfirmLine, Done, Late, Page, Said
from ui.name_visibility import NameVisibility
from ui.refusal import Refusal
from ui.text import join_all, join_names
from users import visibility
from users.models import Invitation, Session, User, person
from users.visibility import names_for


def first_said(leaver: User, *, deleting: bool = False) -> str:
    """Return why somebody is not switched off or deleted on whom something depends, and what to do first; "" where nothing does."""
    number = leaving.living_log_ins(leaver).count()
    if not number:
        return "" if deleting and not leaver.is_active else _hangs(leaver, linked_only=deleting)
    return ngettext(
        "%(name)s has %(number)s log-in that still serves accounts. “Offboard” ends it, and says what stops.",
        "%(name)s has %(number)s log-ins that still serve accounts. “Offboard” ends them, and says what stops.",
        number,
    ) % {"name": leaver, "number": number}


def _hangs(leaver: User, *, linked_only: bool) -> str:
    """Say what depends on somebody whose log-ins serve nothing. `linked_only`: a log-in that was never linked becomes nobody's."""
    found = handing_over.hanging(leaver, timezone.now())
    log_ins = leaving.log_ins(leaver)
    idle = log_ins.filter(pool_entries__isnull=False).distinct().count() if linked_only else log_ins.count()
    owned = Macro.objects.filter(owner=leaver).count()
    what = [
        ngettext("%(n)s log-in that serves no account", "%(n)s log-ins that serve no account", idle)
        % {"n": idle},
        ngettext("%(n)s API key", "%(n)s API keys", found.keys) % {"n": found.keys},
        ngettext("%(n)s running campaign", "%(n)s running campaigns", found.campaigns)
        % {"n": found.campaigns},
        ngettext("%(n)s open client link", "%(n)s open client links", found.links) % {"n": found.links},
        ngettext("%(n)s invitation sent", "%(n)s invitations sent", found.invitations)
        % {"n": found.invitations},
        ngettext("%(n)s macro to look after", "%(n)s macros to look after", owned) % {"n": owned},
        ngettext("%(n)s job under way", "%(n)s jobs under way", found.jobs) % {"n": found.jobs},
        ngettext("%(n)s team that nobody else leads", "%(n)s teams that nobody else leads", found.led_alone)
        % {"n": found.led_alone},
    ]
    of_theirs = (found.keys, found.campaigns, found.links, found.invitations)
    numbers = (idle, *of_theirs, owned, found.jobs, found.led_alone)
    there = [one for one, number in zip(what, numbers, strict=True) if number]
    if not there:
        return ""
    said = gettext(
        "%(name)s still has: %(what)s. “Offboard” ends this or hands it over, and says what stops."
    )
    return said % {"name": leaver, "what": join_all(there)}


class OffboardForm(ConfirmForm):
    """Who is added, who is asked, and which API keys end, beside why and the name."""

    backups = forms.BooleanField(required=False, initial=True)
    asks = forms.BooleanField(required=False, initial=True)
    invitations = forms.BooleanField(required=False, initial=True)
    keys = forms.ModelMultipleChoiceField(
        ApiKey.objects.none(),
        required=False,
        label=gettext_lazy("API keys to revoke"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("Those that are not ticked go on working; operators are told of them."),
    )

    taken = forms.ModelMultipleChoiceField(
        ApiKey.objects.none(),
        required=False,
        label=gettext_lazy("API keys that you take over"),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("You answer for them from now on; their secrets are unchanged."),
    )

    def __init__(
        self,
        *args: Any,
        plan: Plan,
        viewer: User,
        keys: QuerySet[ApiKey],
        invites: Sequence[offboarding_invites.Nobody],
        sent: QuerySet[Invitation],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._name_sent(sent, viewer)
        offers, asks = len(plan.offers), len(plan.asks)
        if plan.is_cut:
            self.fields["backups"].label = gettext("Add the backups that are at hand, to all accounts")
            self.fields["asks"].label = gettext("Ask all colleagues whose log-ins stopped to re-authenticate")
        else:
            self._name(offers, asks)
        for name in ("keys", "taken"):
            field = self.fields[name]
            assert isinstance(field, forms.ModelMultipleChoiceField)
            field.queryset = keys
        if not viewer.has_perm("accounts.add_apikey") or not keys:
            del self.fields["taken"]
        if not (plan.offers or plan.is_cut) or not viewer.has_perm(permissions.ADD_BACKUP):
            del self.fields["backups"]
        if not (plan.asks or plan.is_cut) or not viewer.has_perm("tokens.ask_token"):
            del self.fields["asks"]
        if not viewer.has_perm(permissions.REVOKE_API_KEY) or not keys:
            del self.fields["keys"]
        for one in invites:
            self.fields[one.field] = forms.EmailField(label=one.label, required=False, help_text=one.help)
        self.invites = [self[one.field] for one in invites]

    def _name_sent(self, sent: QuerySet[Invitation], viewer: User) -> None:
        """Name the invitations that the person sent; of teams that the viewer does not see, their number alone."""
        field, number = self.fields["invitations"], sent.count()
        if not number:
            del self.fields["invitations"]
            return
        field.label = ngettext(
            "Revoke the invitation that this person sent and nobody has answered",
            "Revoke the %(number)s invitations that this person sent and nobody has answered",
            number,
        ) % {"number": number}
        seen = sent.filter(team__in=visibility.teams_seen_by(viewer).values("pk"))
        emails = join_names(list(dict.fromkeys(seen.values_list("email", flat=True))))
        if emails:
            field.help_text = escape(gettext("Sent to %(emails)s.") % {"emails": emails})

    def _name(self, offers: int, asks: int) -> None:
        self.fields["backups"].label = ngettext(
            "Add the backup that is at hand to %(number)s account",
            "Add the backups that are at hand to %(number)s accounts",
            offers,
        ) % {"number": offers}
        self.fields["asks"].label = ngettext(
            "Ask %(number)s colleague whose log-in stopped to re-authenticate",
            "Ask %(number)s colleagues whose log-ins stopped to re-authenticate",
            asks,
        ) % {"number": asks}


def offboard(request: HttpRequest, leaver: User, visible_keys: QuerySet[ApiKey]) -> HttpResponse:
    """Ask (GET), then lock the person out and have a worker end their log-ins (POST). The caller has asked `may`."""
    viewer, now = person(request), timezone.now()
    plan, names = leaving.plan(person=leaver, actor=viewer, now=now), names_for(viewer)
    keys = visible_keys.filter(created_by=leaver, revoked_at=None)
    nobody = _nobody(plan)
    invites = offboarding_invites.of(nobody, viewer, has_more=plan.is_cut)
    sent = handing_over.invitations_of(leaver, now)
    page = Page(
        "portal/confirm/offboard.html",
        reverse("admin:users_user_change", args=[leaver.pk]),
        _facts(viewer, leaver, plan, nobody),
        refused=_refused(viewer, leaver, plan),
        lines=_lines(plan, plan.at_risk, names),
        unread=plan.stop + plan.one_left - len(plan.at_risk),
        most=leaving.MOST,
        others_url=_list(leaver),
        warns=plan.stop > 0,
        danger=True,
        must_type=str(leaver) if plan.stop else "",
        seen=plan.seen,
        form=partial(OffboardForm, plan=plan, viewer=viewer, keys=keys, invites=invites, sent=sent),
    )
    return confirm.answer(
        request,
        page,
        partial(_begin, request, leaver, plan, page.refused, invites),
        frame=access.frame_of(leaver),
    )


def _list(leaver: User, **more: int) -> str:
    """Return the list of the accounts in whose pools the person's log-ins are."""
    query = urlencode({"person": leaver.pk, **more})
    return f"{reverse('admin:accounts_account_changelist')}?{query}"


def _nobody(plan: Plan) -> list[Account]:
    """Return the accounts, of those that were looked at, that nobody could carry who is known here."""
    helped = plan.offers.keys() | {account.pk for about in plan.asks.values() for account, _ in about}
    return [one for one in plan.at_risk if one.pk not in helped]


def _begin(
    request: HttpRequest,
    leaver: User,
    plan: Plan,
    refused: str,
    invites: Sequence[offboarding_invites.Nobody],
    said: Said,
) -> Done:
    """Add the backups; then, in one transaction, lock the person out, revoke keys and hand the rest to a worker."""
    viewer, now = person(request), timezone.now()
    if refused:
        raise Refusal(refused)
    if said.seen != plan.seen:
        raise Late
    failures: Sequence[str] = ()
    if said.cleaned.get("backups") and not plan.is_cut:  # of more, a worker does all
        chosen = {pk: offer.token.pk for pk, offer in plan.offers.items()}
        outcome = backing_up.add(chosen=chosen, actor=viewer, note=said.note, now=now)
        called = asking.labels(plan.at_risk)
        failures = [f"{called[pk]}: {why}" for pk, why in outcome.refused.items()]
    with transaction.atomic():
        taken = list(handing_over.jobs_of(leaver).values_list("pk", flat=True))
        revokes = said.cleaned.get("invitations", True)  # of those sent since the page was opened, too
        leaving_steps.lock_out(person=leaver, actor=viewer, now=now, revokes_invitations=revokes)
        for key in said.cleaned.get("keys", ()):
            if api_keys.revoke(key=key, now=now):
                access.log_change(request, key, "revoked", note=said.note)
        for key in said.cleaned.get("taken", ()):
            if api_keys.take_over(key=key, taker=viewer, now=now):  # not what was revoked just now
                access.log_change(request, key, "taken_over", note=said.note)
        access.log_change(request, leaver, "offboarded", note=said.note)
        more = bool(said.cleaned.get("backups")) and plan.is_cut
        later = offboarding_invites.for_worker(invites, said) if plan.is_cut else []
        steps = leaving_steps.keys(
            plan, asking=bool(said.cleaned.get("asks")), backing_up=more, invites=len(later)
        )
        options = {"invites": later, jobs.TAKEN: taken}
        done = jobs.start(request, OFFBOARD, steps, subject_id=leaver.pk, note=said.note, options=options)
    if not later:
        failures = [*failures, *offboarding_invites.send(invites, said, by=viewer, now=now)]
    return Done(failures=failures, after=done.after)


def _facts(viewer: User, leaver: User, plan: Plan, nobody: Sequence[Account]) -> dict[str, Any]:
    channels = sorted({declarations.label(token.app.channel) for token in plan.tokens})
    macros = scope.visible_macros(viewer).filter(
        pk__in=Macro.objects.filter(actions__emails__contains=[leaver.email]).values("pk")
    )
    return {
        "leaver": leaver,
        "stop": plan.stop,
        "stop_url": _list(leaver, alone=1) if plan.stop and plan.is_cut else "",
        "one_left": plan.one_left,
        "go_on": plan.go_on,
        "log_ins": len(plan.tokens),
        "channels": join_names(channels) if channels else "",
        "sessions": Session.objects.of_user(leaver.pk, timezone.now()).count(),
        "macros": list(macros.order_by("name")),
        "owned": list(owning.owned_by(leaver, taker=viewer)),
        "campaigns": list(handing_over.campaigns_of(leaver)),
        "takes_campaigns": handing_over.may_take_campaigns(viewer),
        "sees_campaigns": viewer.has_perm(permissions.VIEW_CAMPAIGN),
        "jobs": [jobs.title(one) for one in handing_over.jobs_of(leaver)],
        "views": list(saved_views.shared_by(leaver, viewer=viewer)),
        "links": handing_over.links_of(leaver, timezone.now()).count(),
        "led_alone": list(handing_over.led_alone_by(leaver)),
        "sees_teams": viewer.has_perm("users.view_team"),
        "nobody": bool(nobody),
        "invite_url": offboarding_invites.url(
            nobody, back=reverse("admin:users_user_offboard", args=[leaver.pk])
        ),
        "asked_first": len(plan.asked_first),
        "most": leaving.MOST if plan.is_cut else 0,
        "may_invite": viewer.has_perm("users.invite_user"),
    }


def _refused(viewer: User, leaver: User, plan: Plan) -> str:
    """Return why it cannot be done by the viewer, or is done."""
    if not plan.tokens and not leaver.is_active:
        return gettext("This person is switched off, and no log-in of theirs is left.")
    if carries_for_others(leaver, viewer):
        return gettext("Log-ins of this person also carry accounts of other teams. Ask an administrator.")
    return ""


def _lines(plan: Plan, accounts: Sequence[Account], names: NameVisibility) -> list[ConfirmLine]:
    called = asking.labels(accounts)
    asked: dict[int, str] = {}
    for about in plan.asks.values():
        for account, token in about:
            asked.setdefault(account.pk, names.token(token, account))
    return [
        ConfirmLine(called[one.pk], _then(one), then=_who(plan, one, asked.get(one.pk, ""), names))
        for one in accounts
    ]


def _then(account: Any) -> str:
    return gettext("Stops") if account.then == Then.STOPS else gettext("One person is left")


def _who(plan: Plan, account: Any, asked: str, names: NameVisibility) -> str:
    offer = plan.offers.get(account.pk)
    if offer is not None:
        words = gettext("%(name)s is asked first") if account.pk in plan.asked_first else "%(name)s"
        return words % {"name": names.token(offer.token, account)}
    if asked:
        return gettext("%(name)s, asked to re-authenticate") % {"name": asked}
    return gettext("Nobody yet") if account.then == Then.STOPS else gettext("Nobody else yet")

"""The mail to operators about an incident: a channel said of many log-ins of one app at once that they have ended, or that their ad
accounts are taken away, and that is held."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Q
from django.template.loader import render_to_string
from django.utils import timezone

from notifications import clean, outbox
from notifications.kinds import Fact, Mail, NotWanted
from notifications.models import Message
from tokens.deaths import Incident, TokenDeath
from ui import addresses, dates, pills
from users.models import User
from users.recipients import because_operator, operators

KIND = "operators"  # it is built by `accounts.mails.alert_mail`, which leads here
SHOWN = 3  # answers
NEWS_FOR = timedelta(hours=1)  # after its end an incident is told as over
OVER_LEAD = "It is over: nothing is held any more, and there is nothing to decide. Whoever lost a log-in or an ad account by it was mailed."
BECAME = {
    TokenDeath.Standing.BELIEVED: "Believed before it was noticed",
    TokenDeath.Standing.HELD: "Held",
    TokenDeath.Standing.CONFIRMED: "Confirmed: said again each time",
    TokenDeath.Standing.REFUTED: "Taken back: works when asked again",
    TokenDeath.Standing.ANEW: "Linked anew by the person",
    TokenDeath.Standing.RELEASED: "Let through by staff",
    TokenDeath.Standing.DISCARDED: "Discarded by staff",
}
GIVEN_UP = "Given up without an answer"


@transaction.atomic
def tell(now: datetime) -> int:
    """Write to each operator about an incident that nobody was told of, and once more when it is over. Returns how many were written."""
    return _tell_of_new(now) + _tell_of_ended(now)


def _tell_of_ended(now: datetime) -> int:
    ended = Incident.objects.filter(told_at__isnull=False, ended_at__gt=now - NEWS_FOR)
    found = list(ended.values_list("pk", flat=True))
    return sum(_write(incident, now, over=True) for incident in found)


def _tell_of_new(now: datetime) -> int:
    untold = Incident.objects.filter(told_at=None, ended_at=None).order_by("pk")
    found = list(untold.select_for_update(skip_locked=True, no_key=True).values_list("pk", flat=True))
    if not found or not operators():
        return 0
    Incident.objects.filter(pk__in=found).update(told_at=now)
    return sum(_write(incident, now, over=False) for incident in found)


def _write(incident: int, now: datetime, *, over: bool) -> int:
    """Write to each operator, once however often it is asked for."""
    about = f"{KIND}:incident:{incident}:over" if over else f"{KIND}:incident:{incident}"
    payload = {"incident": incident, "over": True} if over else {"incident": incident}
    return sum(
        outbox.enqueue(
            kind=KIND, recipient=address, dedupe_key=f"{about}:{address}", payload=payload, now=now
        )
        for address in operators()
    )


def pill(incident: Incident) -> pills.Pill:
    """Return how an incident stands: something is held, nothing is any more, or it is over."""
    if incident.ended_at is not None:
        return pills.pill("incident", "over")
    held = TokenDeath.objects.held().filter(app=incident.app_id).exists()
    return pills.pill("incident", "held" if held else "nothing_held")


def outcomes(incident: Incident) -> list[tuple[str, int]]:
    """Return what became of what was said, in words, with the number of log-ins, the most frequent first."""
    discarded = TokenDeath.Standing.DISCARDED
    given_up = Q(standing=discarded) & ~Q(decision=TokenDeath.Decision.DISCARD)
    said = TokenDeath.objects.of(incident).annotate(given_up=given_up).values_list("standing", "given_up")
    counted = said.annotate(number=Count("token", distinct=True)).order_by("-number")
    return [
        (GIVEN_UP if unanswered else BECAME[TokenDeath.Standing(standing)], number)
        for standing, unanswered, number in counted
    ]


def heading(incident: Incident) -> str:
    """Say what the channel says of the log-ins: that they have ended, have lost ad accounts, or both."""
    label = incident.app.get_channel_display()
    kinds = set(TokenDeath.objects.of(incident).values_list("kind", flat=True))
    if TokenDeath.Kind.ACCESS not in kinds:
        return f"{label} says of many log-ins at once that they have ended"
    what = "have lost ad accounts" if len(kinds) == 1 else "have ended or lost ad accounts"
    return f"{label} says that many log-ins {what}"


def answers(incident: Incident) -> list[tuple[str, str, int]]:
    """Return which answers ended log-ins in this incident: row of the table, reason and number, the most frequent first."""
    found = TokenDeath.objects.of(incident).values_list("row", "reason")
    return list(found.annotate(number=Count("token", distinct=True)).order_by("-number", "row"))


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the channel app is gone."""
    incident = _incident(message)
    if incident is None:
        raise NotWanted("The channel app was removed.")
    user = User.objects.filter(email=message.recipient, is_active=True).first()
    zone = user.zone if user else timezone.get_default_timezone()
    label = incident.app.get_channel_display()
    over = bool(message.payload.get("over"))
    title = f"What {label} said of many log-ins at once is settled" if over else heading(incident)
    context: dict[str, Any] = {
        "subject": f"AdToken: {title}",
        "heading": title,
        "lead": OVER_LEAD if over else _lead(incident),
        "preheader": OVER_LEAD if over else "It is held, and the channel is asked again.",
        "cards": [_settled(incident, zone) if over else _card(incident, zone)],
        "because": because_operator(user),
        "why_url": addresses.of("why_message", message.pk) if user else "",
    }
    with timezone.override(zone):
        text = render_to_string("mail/incident/body.txt", context)
        html = render_to_string("mail/incident/body.html", context)
    return Mail(subject=clean.line(context["subject"]), text=text, html=html)


def facts(message: Message) -> list[Fact]:
    """Return what led to a message, for "Why this mail?"."""
    incident = _incident(message)
    if incident is None:
        return []
    return [
        Fact(str(incident.app), "Told", f"{_number(number)}: {row}") for row, _, number in answers(incident)
    ]


def _lead(incident: Incident) -> str:
    """Say what holds now: what is held, and what had ended before it was seen."""
    label = incident.app.get_channel_display()
    of_app = TokenDeath.objects.of(incident)
    held = of_app.held().values("token").distinct().count()
    if not held:
        return f"Nothing is held any more: {label} was asked again, or somebody has decided. The page says what became of it."
    ended = of_app.exclude(standing=TokenDeath.Standing.HELD).values("token").distinct().count()
    lost = of_app.filter(kind=TokenDeath.Kind.ACCESS).held().values("token").distinct().count()
    goes_on = "they have not ended"
    if lost:
        goes_on = "their ad accounts go on" if lost == held else f"the ad accounts of {lost} of them go on"
    said = [
        f"AdToken does not believe it yet. {held} log-ins are held: {goes_on}, and nobody was mailed about them.",
        f"The first {ended} were believed before this was noticed; their people were mailed, and those log-ins are checked again as well.",
        "Accounts with another log-in carry on through it." if lost < held else "",
        f"{label} is asked again after 15 minutes, and once more 15 minutes later: what it refuses both times ends, what works carries on.",
    ]
    return " ".join(part for part in said if part)


def _incident(message: Message) -> Incident | None:
    return Incident.objects.filter(pk=message.payload["incident"]).select_related("app").first()


def _settled(incident: Incident, zone: ZoneInfo) -> dict[str, Any]:
    """Return the card of an incident that is over: what became of it."""
    assert incident.ended_at is not None
    rows = [
        ("Began", dates.moment(incident.began_at, zone=zone).full),
        ("Ended", dates.moment(incident.ended_at, zone=zone).full),
        *((words, _number(number)) for words, number in outcomes(incident)),
    ]
    return {
        **_head(incident),
        "pill": pills.pill("incident", "over"),
        "rows": rows,
        "steps": (),
        "button": _button(incident, "See what became of it"),
    }


def _head(incident: Incident) -> dict[str, Any]:
    app = incident.app
    return {
        "channel": app.channel,
        "channel_name": app.get_channel_display(),
        "name": f"Our app {app.label}".strip(),
        "native_id": f"Client ID {app.client_id}",
    }


def _button(incident: Incident, label: str) -> dict[str, str]:
    return {"label": label, "url": addresses.of("admin:tokens_incident_change", incident.pk)}


def _number(log_ins: int) -> str:
    return f"{log_ins:,} log-in{'' if log_ins == 1 else 's'}"


def _card(incident: Incident, zone: ZoneInfo) -> dict[str, Any]:
    app = incident.app
    held = TokenDeath.objects.held().filter(app=app)
    first = held.order_by("ask_at").first()
    rows = [
        ("Held now", str(held.values("token").distinct().count())),
        ("Since", dates.moment(incident.began_at, zone=zone).full),
        *((row, _number(number)) for row, _, number in answers(incident)[:SHOWN]),
    ]
    if first is not None and first.ask_at is not None:
        rows.append(("Asked again", dates.moment(first.ask_at, zone=zone).full))
    return {
        **_head(incident),
        "pill": pill(incident),
        "rows": rows,
        "steps": (
            f"Look whether {app.get_channel_display()} reports trouble of its own. If so, wait: AdToken asks again by itself.",
            "If you know that it is so, for example because the app was removed there, let it through.",
            "If you know that it is not so, discard what was said.",
        ),
        "button": _button(incident, "Open what is held"),
    }

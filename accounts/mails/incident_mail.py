"""The mail to operators about an incident: a channel said of many log-ins of one app at once that they have ended, or that their ad
accounts are taken away, and that is held."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext_lazy

from notifications import composing, outbox
from notifications.kinds import FACTS, Fact, Mail, NotWanted
from notifications.models import Message
from tokens.deaths import Incident, TokenDeath
from ui import addresses, counts, dates, pills
from ui.phrases import phrase
from users.recipients import operators

KIND = "operators"  # it is built by `accounts.mails.alert_mail`, which leads here
SHOWN = 3  # answers
NEWS_FOR = timedelta(hours=1)  # after its end an incident is told as over
_STANDING = TokenDeath.Standing
BECAME = {
    _STANDING.BELIEVED: gettext_lazy("Believed before it was noticed"),
    _STANDING.HELD: gettext_lazy("Held"),
    _STANDING.CONFIRMED: gettext_lazy("Confirmed: said again each time"),
    _STANDING.REFUTED: gettext_lazy("Taken back: works when asked again"),
    _STANDING.ANEW: gettext_lazy("Linked again by the person"),
    _STANDING.RELEASED: gettext_lazy("Let through by staff"),
    _STANDING.DISCARDED: gettext_lazy("Discarded by staff"),
}
GIVEN_UP = gettext_lazy("Given up without an answer")


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
    """Return how an incident stands: something is still held, nothing is, or it is over."""
    if incident.ended_at is not None:
        return pills.pill("incident", "over")
    held = TokenDeath.objects.held().filter(app=incident.app_id).exists()
    return pills.pill("incident", "held" if held else "nothing_held")


def outcomes(incident: Incident) -> list[tuple[str, int]]:
    """Return what became of what was said, in words, with the number of log-ins, the most frequent first."""
    given_up = Q(standing=_STANDING.DISCARDED) & ~Q(decision=TokenDeath.Decision.DISCARD)
    said = (
        TokenDeath.objects.of_incident(incident)
        .annotate(given_up=given_up)
        .values_list("standing", "given_up")
    )
    counted = said.annotate(number=Count("token", distinct=True)).order_by("-number")
    return [
        (str(GIVEN_UP if unanswered else BECAME[_STANDING(standing)]), number)
        for standing, unanswered, number in counted
    ]


def heading(incident: Incident) -> str:
    """Say what the channel says of the log-ins: that they have ended, have lost ad accounts, or both."""
    return phrase("mail/incident/heading.txt", "heading", **_kinds(incident))


def _kinds(incident: Incident) -> dict[str, object]:
    kinds = set(TokenDeath.objects.of_incident(incident).values_list("kind", flat=True))
    lost = TokenDeath.Kind.ACCESS in kinds
    return {
        "channel": incident.app.get_channel_display(),
        "lost_accounts": lost,
        "ended": len(kinds) > 1 or not lost,
    }


def answers(incident: Incident) -> list[tuple[str, str, int]]:
    """Return which answers ended log-ins in this incident: row of the table, reason and number, the most frequent first."""
    found = TokenDeath.objects.of_incident(incident).values_list("row", "reason")
    return list(found.annotate(number=Count("token", distinct=True)).order_by("-number", "row"))


def build(message: Message) -> Mail:
    """Build the mail. Raises NotWanted where the channel app is gone."""
    incident = _incident(message)
    if incident is None:
        raise NotWanted("app_removed")
    reader = composing.reader_of(message)
    over = bool(message.payload.get("over"))
    facts = _kinds(incident) | {
        "channel_key": incident.app.channel,
        "label": incident.app.label,
        "client_id": incident.app.client_id,
        "over": over,
        "began": dates.moment(incident.began_at, zone=reader.zone).full,
        "url": addresses.absolute_url("admin:tokens_incident_change", incident.pk),
        **(_settled(incident, reader.zone) if over else _held(incident, reader.zone)),
    }
    return composing.compose("incident", message, reader, facts)


def facts(message: Message) -> list[Fact]:
    """Return what led to a message, for "Why this mail?"."""
    incident = _incident(message)
    if incident is None:
        return []
    return [
        Fact(
            str(incident.app),
            phrase(FACTS, "told"),
            phrase(FACTS, "log_ins", number=number, log_ins=counts.number(number), row=row),
        )
        for row, _, number in answers(incident)
    ]


def _incident(message: Message) -> Incident | None:
    return Incident.objects.filter(pk=message.payload["incident"]).select_related("app").first()


def _settled(incident: Incident, zone: ZoneInfo) -> dict[str, object]:
    """Return what became of an incident that is over."""
    assert incident.ended_at is not None
    return {
        "pill": pills.pill("incident", "over"),
        "ended_at": dates.moment(incident.ended_at, zone=zone).full,
        "counts": outcomes(incident),
    }


def _held(incident: Incident, zone: ZoneInfo) -> dict[str, object]:
    """Return what holds now: what is held, and how much had ended before it was seen."""
    of_app = TokenDeath.objects.of_incident(incident)
    held_now = TokenDeath.objects.held().filter(app=incident.app)
    first = held_now.order_by("ask_at").first()
    asked_at = first.ask_at if first else None
    return {
        "pill": pill(incident),
        "held": _log_ins(of_app.held()),
        "believed": _log_ins(of_app.exclude(standing=_STANDING.HELD)),
        "lost": _log_ins(of_app.filter(kind=TokenDeath.Kind.ACCESS).held()),
        "held_now": _log_ins(held_now),
        "counts": [(row, number) for row, _, number in answers(incident)[:SHOWN]],
        "asked_again": dates.moment(asked_at, zone=zone).full if asked_at else "",
    }


def _log_ins(deaths: QuerySet[TokenDeath]) -> int:
    return deaths.values("token").distinct().count()

"""Where other systems are told what happens, and what became of each try."""

import base64
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.urls import reverse
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from macros.events.models import Event
from tokens.channels import declarations
from tokens.vault import services as vault
from tokens.vault.services import KeyNameField, Sealed, SealedField
from ui.phrases import blocks, phrase
from users.models import Team, User

WORDS = "words/webhooks.txt"
OVERLAP = timedelta(days=1)  # for which a changed secret signs beside the new one
GATHERED = 1_000  # events that one message of a chat is about at most
MOST_FAILURES = 10  # in a row, after which nothing is sent there until somebody switches it on
# Before the next try, after so many failures: three days in all.
PAUSES = [
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=h) for h in (2, 5, 10, 14, 20, 24)),
]


def worded(said: str) -> str:
    """Return what came of a try for people: an answer as it was, or the words of its code, in the reader's language."""
    return phrase(WORDS, said) if said in blocks(WORDS) else said


class EndpointQuerySet(models.QuerySet["Endpoint"]):
    """Endpoints."""

    def visible_to(self, user: User) -> Self:
        """Keep those of the person's teams."""
        return self.all() if user.sees_all_teams else self.filter(team__in=user.teams_seen)

    def on(self) -> Self:
        """Keep those that are told."""
        return self.filter(off_at=None)

    def due(self, now: datetime) -> Self:
        """Keep those for which something waits, and that nobody is sending to."""
        waits = Delivery.objects.due(now).filter(endpoint=OuterRef("pk"))
        free = Q(claimed_until=None) | Q(claimed_until__lt=now)
        return self.on().filter(Exists(waits), free, Q(pause_until=None) | Q(pause_until__lte=now))


class Endpoint(models.Model):
    """An address of another system, and which events, of one team or all, it is told. The address may be a secret, so it is sealed."""

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", _("Webhook")
        SLACK = "slack", _("Slack")
        TEAMS = "teams", _("Microsoft Teams")
        PAGERDUTY = "pagerduty", _("PagerDuty")

    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.WEBHOOK)
    name = models.CharField(_("name"), max_length=100)
    team = models.ForeignKey(
        Team, models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("team")
    )
    types = ArrayField(models.CharField(max_length=30), default=list)
    address: Sealed = SealedField(editable=False)
    address_key = KeyNameField(of="address")
    host = models.CharField(_("host"), max_length=255)  # of the address, which alone is shown
    secret_number = models.PositiveSmallIntegerField(default=1)  # grows with every change of the secret
    secret_changed_at = models.DateTimeField(null=True, blank=True)
    made_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField()
    failures = models.PositiveSmallIntegerField(default=0)  # in a row
    pause_until = models.DateTimeField(null=True, blank=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    off_at = models.DateTimeField(null=True, blank=True)
    off_why = models.CharField(max_length=200, blank=True)  # as a try says it; "" where a person did it

    objects: ClassVar[EndpointQuerySet] = EndpointQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        verbose_name = _("webhook")
        verbose_name_plural = _("webhooks")
        default_permissions = ("add", "view")  # who may make one may change and delete it

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return its page in the portal."""
        return reverse("admin:macros_endpoint_change", args=[self.pk])

    @property
    def owner(self) -> str:
        """What its address is sealed for."""
        return f"endpoint:{self.kind}:{self.host}"

    @property
    def why_off(self) -> str:
        """Why it was switched off, for people; "" where a person did it."""
        return worded(self.off_why)

    @property
    def at_once(self) -> int:
        """How many events one request tells at most: to a chat, which takes one message a second, all that wait."""
        return GATHERED if self.kind in {self.Kind.SLACK, self.Kind.TEAMS} else 1

    def open_address(self) -> str:
        """Return the address, or PagerDuty's routing key. Raises VaultError."""
        address: str = vault.unseal(self.owner, self.address)["address"]
        return address

    def seal_address(self, address: str) -> Sealed:
        """Return the address as it is stored; `kind` and `host` are set."""
        return vault.seal(self.owner, {"address": address})

    def signing_secrets(self, now: datetime) -> list[str]:
        """Return the secrets that sign, the present one first, in the form of Standard Webhooks: "whsec_" and 32 bytes in base64.

        They are derived from SECRET_KEY, so nothing is stored. The one before signs for a day more, and those of an older SECRET_KEY for as
        long as it is in SECRET_KEY_FALLBACKS.
        """
        overlaps = self.secret_changed_at is not None and now < self.secret_changed_at + OVERLAP
        numbers = [self.secret_number, *([self.secret_number - 1] if overlaps else [])]
        keys = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        return [self._secret(number, key) for number in numbers for key in keys]

    def _secret(self, number: int, key: str) -> str:
        made = salted_hmac("macros.webhooks", f"{self.pk}:{number}", secret=key, algorithm="sha256").digest()
        return f"whsec_{base64.b64encode(made).decode()}"

    def tells(self, event: Event) -> bool:
        """Return whether it is told of an event."""
        of_team = self.team_id is None or self.team_id == event.team_id
        return of_team and event.type in self.types and event.at >= self.created_at

    def switch_off(self, why: str, now: datetime) -> None:
        """Send nothing there from now on. Does not save."""
        self.off_at, self.off_why = now, why

    def switch_on(self) -> None:
        """Send there again, and at once what waits. Does not save."""
        self.off_at, self.off_why, self.failures, self.pause_until = None, "", 0, None


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    """Deliveries."""

    def due(self, now: datetime) -> Self:
        """Keep what is to be sent by now."""
        return self.filter(next_at__lte=now)


class Delivery(models.Model):
    """One event for one endpoint. It is sent until the endpoint takes it, with the same id at each try."""

    endpoint = models.ForeignKey(Endpoint, models.CASCADE, related_name="deliveries", db_index=False)
    event = models.ForeignKey(Event, models.CASCADE, related_name="+")
    failures = models.PositiveSmallIntegerField(default=0)  # since it was last sent anew
    tries = models.JSONField(
        default=list
    )  # {"at": ISO 8601, "status": 0 where nothing was answered, "said": "" where it was taken, else as `Reply.said`, "ms": milliseconds}
    next_at = models.DateTimeField(null=True)  # None: it is over
    delivered_at = models.DateTimeField(null=True)

    objects: ClassVar[DeliveryQuerySet] = DeliveryQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["endpoint", "event"], name="one_delivery_of_an_event")]
        indexes = [models.Index("next_at", condition=Q(next_at__isnull=False), name="delivery_due")]

    def __str__(self) -> str:
        return f"evt_{self.event_id}"

    @property
    def last_answer(self) -> str:
        """What came of the last try, for people; "" before it."""
        return worded(self.tries[-1]["said"]) if self.tries else ""

    def note_try(self, *, status: int, said: str, ms: int, now: datetime, retry_after: timedelta) -> None:
        """Note what became of a try, and when the next one is. `said`: "" where it was taken. Does not save."""
        self.tries = [*self.tries, {"at": now.isoformat(), "status": status, "said": said, "ms": ms}][
            -2 * MOST_FAILURES :
        ]
        if not said:
            self.delivered_at, self.next_at = now, None
            return
        self.failures += 1
        is_over = self.failures >= MOST_FAILURES
        self.next_at = None if is_over else now + max(PAUSES[self.failures - 1], retry_after)


def deliveries_of(events: Iterable[Event], endpoints: Iterable[Endpoint], now: datetime) -> list[Delivery]:
    """Return what is to be sent, not saved."""
    told = list(endpoints)
    return [
        Delivery(endpoint=one, event=event, next_at=now)
        for event in events
        for one in told
        if one.tells(event)
    ]


def example_event(endpoint: Endpoint, now: datetime) -> Event:
    """Return what the test button sends: an event that nothing happened for, not saved."""
    data: dict[str, Any] = {
        "native_id": "0",
        "name": "AdToken",
        "team": "",
        "state": "",
        "works_until": None,
        "test": True,
    }
    return Event(
        type=Event.Type.RECOVERED,
        at=now,
        channel=next(iter(declarations.channel_keys())),
        team=endpoint.team,
        data=data,
    )

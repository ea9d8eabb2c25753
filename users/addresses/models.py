"""Parked addresses, and what happened to addresses: parked, released, snoozed. The row of a parked one goes; the history stays."""

from collections.abc import Iterable
from datetime import datetime
from typing import Self

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from ui import stored_phrases as kept


class RefusedAddressQuerySet(models.QuerySet["RefusedAddress"]):
    """Parked addresses."""

    def of(self, address: str) -> Self:
        """Keep the row of an address, whatever its letters' case."""
        return self.filter(email=address.lower())

    def is_parked(self, address: str) -> bool:
        """Return whether an address is parked."""
        return self.of(address).exists()

    def parked_among(self, addresses: Iterable[str]) -> set[str]:
        """Return those of these addresses (in lower case) that are parked."""
        return set(self.filter(email__in=list(addresses)).addresses())

    def addresses(self) -> models.QuerySet["RefusedAddress", str]:
        """Return the addresses alone, also for the where clause of another query."""
        return self.values_list("email", flat=True)


class RefusedAddress(models.Model):
    """A parked address: mail does not reach its reader, so others are told. Written by `users.addresses.services`.

    It stays parked until staff or the reader release it.
    """

    class Why(models.TextChoices):
        REFUSED = "refused", _("Refused by the mail server")
        BOUNCED = "bounced", _("Mail comes back")
        STOPPED = "stopped", _("Unsubscribed at the mail service")
        COMPLAINED = "complained", _("Marked as spam")

    email = models.EmailField(_("e-mail"))
    why = models.CharField(max_length=10, choices=Why, default=Why.REFUSED, db_default=Why.REFUSED)
    said = models.CharField(max_length=300, blank=True)  # what the mail server said
    since = models.DateTimeField()
    refused_at = models.DateTimeField()  # when a mail last did not reach it
    told_at = models.DateTimeField(null=True, blank=True)  # when operators were told

    objects = RefusedAddressQuerySet.as_manager()

    class Meta:
        verbose_name = _("parked address")
        verbose_name_plural = _("parked addresses")
        default_permissions = ("view",)
        permissions = [("release_address", "Can release parked addresses")]
        constraints = [models.UniqueConstraint(fields=["email"], name="one_row_per_refused_address")]

    def __str__(self) -> str:
        return self.email


class AddressEventQuerySet(models.QuerySet["AddressEvent"]):
    """The history of addresses."""

    def counted_from(self, email: str, *, since: datetime) -> datetime:
        """Return when an address was last released or confirmed after `since`, else `since`: what was before counts no more."""
        kinds = [AddressEvent.Kind.RELEASED, AddressEvent.Kind.CONFIRMED]
        released = self.filter(email=email, kind__in=kinds, at__gt=since)
        return released.order_by("-at").values_list("at", flat=True).first() or since


class AddressEvent(models.Model):
    """One line of an address's history. Written by `users.addresses.services`, and by `macros.mutes` of all warnings to it."""

    class Kind(models.TextChoices):
        PARKED = "parked", _("Parked")
        RELEASED = "released", _("Released by staff")
        CONFIRMED = "confirmed", _("Confirmed by its reader")
        SNOOZED = "snoozed", _("All warnings snoozed")
        RESUMED = "resumed", _("Warnings are mailed again")

    email = models.EmailField()
    kind = models.CharField(max_length=10, choices=Kind)
    why = models.CharField(max_length=10, blank=True, default="", db_default="")  # a `RefusedAddress.Why`
    said = models.CharField(max_length=300, blank=True, default="", db_default="")
    at = models.DateTimeField()
    message = models.BigIntegerField(
        null=True, blank=True
    )  # id of the mail that led to it; mails are pruned on their own
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = AddressEventQuerySet.as_manager()

    class Meta:
        default_permissions = ()
        ordering = ["-at", "-id"]
        indexes = [models.Index("email", "at", name="event_of_address")]

    def __str__(self) -> str:
        return f"{self.email} {self.kind}"

    @property
    def words(self) -> str:
        """What was said then, in the language that is spoken."""
        return kept.said(self.said)

"""Messages of the outbox. A row holds ids until it is sent, then what was sent."""

from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.models import Team


class MessageQuerySet(models.QuerySet["Message"]):
    """Messages, by phrases that compose."""

    def kept_back(self) -> Self:
        """Keep those that wait because our own mail server or service did not take them. By an index."""
        return self.filter(state=Message.State.QUEUED, waits_since__isnull=False)


class Message(models.Model):
    """One e-mail. Written in the transaction of its cause; the text is made at sending by the builder of its kind."""

    class State(models.TextChoices):
        QUEUED = "queued", _("Queued")
        SENDING = "sending", _("Sending")
        SENT = "sent", _("Sent")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    kind = models.CharField(max_length=30)
    recipient = models.EmailField(_("recipient"))
    team = models.ForeignKey(
        Team,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("team"),
        db_index=False,  # see message_of_team
    )
    dedupe_key = models.CharField(max_length=320)
    payload = models.JSONField(default=dict, blank=True)  # ids that the builder needs; never a secret
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.QUEUED)
    # Grows with every claim; a result is recorded only for the newest.
    attempts = models.PositiveSmallIntegerField(default=0)
    # How often in a row a worker vanished while it held this message.
    lost_claims = models.PositiveSmallIntegerField(default=0)
    failures = models.PositiveSmallIntegerField(default=0)  # how often in a row sending failed
    claimed_until = models.DateTimeField(null=True, blank=True)
    # The number of the process that sends it and renews the claim.
    claimed_by = models.IntegerField(null=True, blank=True)
    next_attempt_at = models.DateTimeField(default=timezone.now)
    created_at = models.DateTimeField(default=timezone.now)
    # From when 48 hours count until it is given up: when it was put into the queue, or our own side last kept it from leaving.
    queued_at = models.DateTimeField(default=timezone.now)
    # Since when our own mail server or service kept it from leaving; it stays when it leaves at last, and is empty when it is sent anew.
    waits_since = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    # Set at the first attempt, the same at every one.
    message_id = models.CharField(_("Message-ID"), max_length=320, blank=True)
    subject = models.CharField(max_length=200, blank=True)
    text = models.TextField(blank=True)
    html = models.TextField(blank=True)
    error = models.CharField(max_length=500, blank=True)  # why it failed, was cancelled, or is tried again

    objects = MessageQuerySet.as_manager()

    class Meta:
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        ordering = ["-created_at", "-id"]
        # A unique field would bring a second index, for LIKE.
        constraints = [models.UniqueConstraint(fields=["dedupe_key"], name="one_message_per_dedupe_key")]
        indexes = [
            # the sweep that claims what is to be sent
            models.Index(
                "next_attempt_at", "id", condition=Q(state__in=["queued", "sending"]), name="message_queue"
            ),
            # what an address got, and how many within a day
            models.Index("recipient", "sent_at", name="message_recipient"),
            # what a team's staff may read, and of which addresses they may know: whom its mails went to
            models.Index("team", "recipient", name="message_of_team"),
            # what our own mail server or service keeps from leaving
            models.Index("waits_since", condition=Q(waits_since__isnull=False), name="message_waits_since"),
            # the list, newest first, and what failed in the last day
            models.Index(F("created_at").desc(), F("id").desc(), name="message_newest"),
            # which messages name an account or a log-in
            GinIndex(fields=["payload"], name="message_payload", opclasses=["jsonb_path_ops"]),
        ]
        permissions = [("retry_message", "Can send messages again or cancel them")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"

    @property
    def is_unarrived(self) -> bool:
        """Whether it ended and did not reach its reader: it failed, or was over before our own mail server took it."""
        untaken = self.state == self.State.CANCELLED and self.waits_since is not None
        return self.state == self.State.FAILED or untaken

    @property
    def mark(self) -> str:
        """What names the mail to us in a service's reports: its number, and the part of its Message-ID that is drawn."""
        return f"{self.pk}-{self.message_id.strip('<>').partition('@')[0]}"


class MailReturn(models.Model):
    """One report that a mail did not reach its reader, kept once. `notifications.delivery.receivers` acts on it at once."""

    class Kind(models.TextChoices):
        HARD = "hard", _("Came back for good")
        SOFT = "soft", _("Came back, may pass")
        STOPPED = "stopped", _("Unsubscribed at the mail service")
        COMPLAINT = "complaint", _("Marked as spam")

    key = models.CharField(max_length=64)  # a hash of the report: the same one twice is one row
    recipient = models.EmailField()
    kind = models.CharField(max_length=10, choices=Kind)
    said = models.CharField(max_length=300, blank=True)
    at = models.DateTimeField()  # when it came in

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["key"], name="one_row_per_report")]
        indexes = [models.Index("recipient", "at", name="return_of_address")]

    def __str__(self) -> str:
        return f"{self.kind} of {self.recipient}"

"""Messages of the outbox. A row holds ids until it is sent, then what was sent."""

from datetime import datetime, timedelta
from typing import Self

from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from users.models import AddressEvent, RefusedAddress, Team, User


class MessageQuerySet(models.QuerySet["Message"]):
    """Messages, by phrases that compose."""

    def visible_to(self, user: User) -> Self:
        """Keep the messages of the person's teams, and their own."""
        if user.sees_all_teams:
            return self.all()
        teams = Team.objects.filter(memberships__user=user.pk)
        return self.filter(Q(team__in=teams) | Q(recipient=user.email))

    def due(self, now: datetime) -> Self:
        """Keep what is to be sent by now."""
        return self.under_way().filter(next_attempt_at__lte=now)

    def failed_lately(self, now: datetime) -> Self:
        """Keep what failed, of the mails of the last day."""
        return self.filter(state=Message.State.FAILED, created_at__gt=now - timedelta(days=1))

    def under_way(self) -> Self:
        """Keep those that wait or are being sent."""
        return self.filter(state__in=[Message.State.QUEUED, Message.State.SENDING])

    def not_lost(self) -> Self:
        """Keep those that were sent, or may still be: not what failed or was cancelled."""
        return self.exclude(state__in=[Message.State.FAILED, Message.State.CANCELLED])

    def taken_since(self, moment: datetime) -> Self:
        """Keep those that were taken, of what was written since a moment. By the index of the list."""
        return self.filter(state=Message.State.SENT, created_at__gte=moment)

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
        permissions = [("retry_message", "Can send messages again")]

    def __str__(self) -> str:
        return f"{self.kind} to {self.recipient}"

    @property
    def reader(self) -> User | None:
        """Who has its address now, able to log in or not; None for an address outside."""
        return User.objects.filter(email=self.recipient).first()

    @property
    def has_failed(self) -> bool:
        """Whether it did not leave, or came back."""
        return self.state == self.State.FAILED

    @property
    def has_ended(self) -> bool:
        """Whether it was sent, failed or was cancelled: then it can be sent again."""
        return self.state in {self.State.SENT, self.State.FAILED, self.State.CANCELLED}

    @property
    def is_unarrived(self) -> bool:
        """Whether it ended and did not reach its reader: it failed, or was over before our own mail server took it."""
        untaken = self.state == self.State.CANCELLED and self.waits_since is not None
        return self.has_failed or untaken

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

    @property
    def parks_because(self) -> RefusedAddress.Why | None:
        """Why its address is parked: this one is enough, or was the last of as many as may come back within so many days; None: it is not.

        What was before somebody released the address does not count.
        """
        if why := AT_ONCE.get(MailReturn.Kind(self.kind)):
            return why
        since = AddressEvent.objects.counted_from(self.recipient, since=self.at - SEVERAL_WITHIN)
        soft = MailReturn.objects.filter(recipient=self.recipient, kind=self.Kind.SOFT)
        found = soft.filter(at__gte=since, at__lte=self.at)
        return RefusedAddress.Why.BOUNCED if found.count() >= SEVERAL else None


Why = RefusedAddress.Why
AT_ONCE = {
    MailReturn.Kind.HARD: Why.BOUNCED,
    MailReturn.Kind.COMPLAINT: Why.COMPLAINED,
    MailReturn.Kind.STOPPED: Why.STOPPED,
}  # one parks
SEVERAL, SEVERAL_WITHIN = (
    3,
    timedelta(days=14),
)  # mails that come back, though each might have passed: these park

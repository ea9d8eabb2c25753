"""What came back of mails: bounces and complaints, read from a mailbox or told by a mail service, and when the mailbox was last read."""

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class MailReturn(models.Model):
    """One report that a mail did not reach its reader. Written as it comes in, once; a worker acts on it (`notifications.returns`)."""

    class Kind(models.TextChoices):
        HARD = "hard", _("Came back for good")
        SOFT = "soft", _("Came back, may pass")
        POLICY = "policy", _("Turned away by a policy")
        FORWARDED = "forwarded", _("Came back from where it was passed on to")
        STOPPED = "stopped", _("Unsubscribed at the mail service")
        COMPLAINT = "complaint", _("Marked as spam")

    class Source(models.TextChoices):
        MAILBOX = "mailbox", _("Bounce mailbox")
        SERVICE = "service", _("Mail service")

    key = models.CharField(max_length=64)  # a hash of the report: the same one twice is one row
    # The mail; mails are pruned on their own. Empty: the report names the address alone.
    message = models.BigIntegerField(null=True, blank=True)
    recipient = models.EmailField()
    kind = models.CharField(max_length=10, choices=Kind)
    status = models.CharField(max_length=12, blank=True)  # RFC 3463, where the report has one: 5.1.1
    said = models.CharField(max_length=300, blank=True)
    source = models.CharField(max_length=10, choices=Source)
    at = models.DateTimeField()  # when it came in
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["key"], name="one_row_per_report")]
        indexes = [
            models.Index("id", condition=Q(done_at=None), name="return_waits"),
            models.Index("recipient", "at", name="return_of_address"),
            models.Index("message", condition=Q(message__isnull=False), name="return_of_message"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} of {self.recipient}"


class BounceMailbox(models.Model):
    """When the bounce mailbox was last read, and what hinders it now. One row."""

    read_at = models.DateTimeField(null=True, blank=True)
    failed_since = models.DateTimeField(null=True, blank=True)
    error = models.CharField(max_length=300, blank=True, default="", db_default="")
    told_at = models.DateTimeField(null=True, blank=True)  # when operators were told of a trouble

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return "Bounce mailbox"

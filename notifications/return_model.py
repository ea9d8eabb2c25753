"""What a mail service reports of mails that did not reach their readers."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class MailReturn(models.Model):
    """One report that a mail did not reach its reader, kept once. Written by `notifications.returns`, which acts on it at once."""

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

"""The table of log-ins. Its rows are written by `users.login_records` and by nobody else."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from users import browsers

BROWSER_LENGTH = 200


class LoginRecord(models.Model):
    """One event at the door. No foreign key binds it: rows outlive the people, and are not changed when one is deleted."""

    class Kind(models.TextChoices):
        LOG_IN = "log_in", _("Log-in")
        LOG_OUT = "log_out", _("Log-out")
        PASSWORD = "password", _("Password")  # a kind
        FACTOR = "factor", _("Second factor")
        CHANGE = "change", _("Change")
        LINKING = "linking", _("Way back from a channel")

    at = models.DateTimeField()
    kind = models.CharField(max_length=10, choices=Kind)
    succeeded = models.BooleanField()
    user = models.ForeignKey(
        "users.User", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    email = models.CharField(
        max_length=254, blank=True, help_text=_("The address that was typed, or the person's at that time.")
    )
    address = models.GenericIPAddressField(null=True)
    browser = models.CharField(max_length=BROWSER_LENGTH, blank=True)
    detail = models.CharField(max_length=200, blank=True)

    class Meta:
        verbose_name = _("log-in")
        ordering = ["-id"]
        indexes = [models.Index(fields=["user", "-id"], name="loginrecord_of_person")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.email or 'somebody'}"

    @property
    def event(self) -> str:
        """The event in a few words, for pages."""
        kind = str(self.get_kind_display())
        return f"{kind}: {self.detail}" if self.detail else kind

    @property
    def browser_name(self) -> str:
        """The browser as people call it; "" where none is known."""
        return browsers.named(self.browser)

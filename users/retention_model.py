"""How long each kind of history is kept, where administrators set it, and how far the nightly pruning has come."""

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from users import retention_kinds


class RetentionPeriod(models.Model):
    """One kind of history. Rows are made at every `migrate`; `users.retention` reads them, `adtoken_project.pruning` notes its progress."""

    kind = models.CharField(max_length=20, primary_key=True, editable=False)
    days = models.PositiveIntegerField(
        _("days kept"), null=True, blank=True, help_text=_("Empty: the usual number of days.")
    )
    progress = models.JSONField(
        default=dict,
        db_default={},
        editable=False,
        help_text=_("Table: the last id that the night looked at."),
    )
    removed = models.PositiveBigIntegerField(
        default=0, db_default=0, editable=False, help_text=_("Rows that the last night removed or emptied.")
    )
    done_at = models.DateTimeField(
        null=True, editable=False, help_text=_("When a night last got to the end.")
    )

    class Meta:
        verbose_name = _("retention period")
        ordering = ["kind"]

    def __str__(self) -> str:
        return str(retention_kinds.KINDS[self.kind].name) if self.kind in retention_kinds.KINDS else self.kind

    def clean(self) -> None:
        """Refuse a number of days outside the bounds of the kind."""
        kind = retention_kinds.KINDS.get(self.kind)
        if kind and self.days is not None and not kind.least <= self.days <= retention_kinds.MOST:
            raise ValidationError(
                {
                    "days": _("Enter a number of days from %(least)s to %(most)s, or nothing.")
                    % {"least": kind.least, "most": retention_kinds.MOST}
                }
            )

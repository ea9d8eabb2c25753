"""Counts of a macro of many accounts, as its form stands, which a worker makes for the page. `macros.forecasts` works with it."""

from django.db import models

from macros.forecast_jobs import Job


class Forecast(Job):
    """What a draft of a macro would tell, and the stored macro, if it is an edit. It is gone a day later."""

    names_things_in = ""

    macro = models.ForeignKey("macros.Macro", models.CASCADE, null=True, blank=True, related_name="+")
    mark = models.CharField(max_length=80)  # of what is counted, see `forecasts.mark_of`
    # "after" and, of an edit, "before": drafts, see `preview.Draft`.
    drafts = models.JSONField()
    # What differs, without its numbers, in the words that its person reads; null where nothing does.
    changes = models.JSONField(null=True, blank=True)
    found = models.JSONField(default=dict, db_default={})  # counts by draft, see `counts.PARTS`

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.drafts['after']['name']}, {self.done} of {self.total}"

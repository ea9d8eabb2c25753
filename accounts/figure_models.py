"""Figures of the start page that a worker works out before they are asked for. `portal.start_ahead` says when."""

from django.conf import settings
from django.db import models


class StartFigures(models.Model):
    """The figures of whoever sees the same very many accounts in the same time zone, and when one of them looked last."""

    whose = models.CharField(max_length=200)  # see `portal.start_viewer.whose`
    zone = models.CharField(max_length=64)  # whose days the figures go by
    # Who looked last: a worker works out what this person may see.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    looked_at = models.DateTimeField()
    begun_at = models.DateTimeField(null=True, blank=True)  # when a worker began to work them out last
    # Name -> [when it was worked out, in seconds since 1970; the figure], see `portal.start_kept`.
    figures = models.JSONField(default=dict, db_default={})

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["whose", "zone"], name="start_figures_of_one_set")]

    def __str__(self) -> str:
        return f"{self.whose}, {self.zone}"

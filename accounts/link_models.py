"""A consent that waits for the choice of accounts, and what people met while linking."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone

from tokens.choices import channel_choices
from tokens.models import Token


class PendingLink(models.Model):
    """A consent that waits for the choice of accounts. Taken by DELETE ... RETURNING, swept after 15 minutes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token = models.ForeignKey(Token, models.CASCADE, related_name="+")
    account = models.ForeignKey("accounts.Account", models.CASCADE, null=True, blank=True, related_name="+")
    offered = models.JSONField(default=list, help_text="The channel's list, as NativeAccount fields.")
    complete = models.BooleanField(default=True)
    no_longer = models.JSONField(
        default=list, help_text="Ids of accounts that this consent no longer serves."
    )
    next = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"Pending link of token {self.token_id}"


class LinkProblem(models.Model):
    """What a person met while linking. Staff find it by the code on the page; it is kept for 90 days."""

    class Kind(models.TextChoices):
        STOPPED = "stopped", "Stopped at the channel"
        TOO_LATE = "too_late", "Took too long"
        USED = "used", "Used already"
        BENT = "bent", "No proper way back"
        TARGET_GONE = "target_gone", "The account went to another team"
        FOREIGN = "foreign", "Started by somebody else"
        SILENT = "silent", "The channel did not answer"
        UNCLEAR = "unclear", "An answer that we do not know"
        OUR_APP = "our_app", "The channel refuses our app"
        NOT_SET_UP = "not_set_up", "The channel is not set up"

    code = models.CharField(max_length=12, db_index=True, help_text="As the person reads it on the page.")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    channel = models.CharField(max_length=20, choices=channel_choices)
    kind = models.CharField("what happened", max_length=12, choices=Kind)
    detail = models.CharField(
        max_length=300, blank=True, help_text="Verdict and row, or our exception; no secret."
    )
    at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "failed link"
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return self.code

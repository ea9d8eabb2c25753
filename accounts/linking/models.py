"""A consent that waits for the choice of accounts, and what people met while linking."""

import uuid

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.choices import channel_choices
from tokens.models import Token


class PendingLink(models.Model):
    """A consent that waits for the choice of accounts. Taken by DELETE ... RETURNING, swept after 15 minutes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token = models.ForeignKey(Token, models.CASCADE, related_name="+")
    account = models.ForeignKey("accounts.Account", models.CASCADE, null=True, blank=True, related_name="+")
    offered = models.JSONField(default=list)  # the channel's list, as NativeAccount fields
    complete = models.BooleanField(default=True)
    no_longer = models.JSONField(default=list)  # ids of accounts that this consent no longer serves
    next = models.CharField(max_length=300, blank=True)
    # Native ids of the ad accounts that the person was asked to link: they are ticked beforehand. None: nobody said.
    wanted = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return gettext("Pending link of token %(token)s") % {"token": self.token_id}


class LinkProblem(models.Model):
    """What a person met while linking. Staff find it by the code on the page; it is kept for 90 days."""

    class Kind(models.TextChoices):
        STOPPED = "stopped", _("Stopped at the channel")
        TOO_LATE = "too_late", _("Took too long")
        USED = "used", _("Used already")
        BENT = "bent", _("No proper way back")
        TARGET_GONE = "target_gone", _("The account went to another team")
        FOREIGN = "foreign", _("Started by somebody else")
        SILENT = "silent", _("The channel did not answer")
        UNCLEAR = "unclear", _("An answer that we do not know")
        OUR_APP = "our_app", _("The channel refuses our app")
        NOT_SET_UP = "not_set_up", _("The channel is not set up")

    code = models.CharField(_("code"), max_length=12, db_index=True)  # as the person reads it on the page
    # Who it was; None: deleted since, or the client of a link who has given no access yet.
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    # The client link that it began with.
    client_link = models.ForeignKey(
        "accounts.Ask", models.SET_NULL, null=True, blank=True, related_name="+", db_index=False
    )
    channel = models.CharField(_("channel"), max_length=20, choices=channel_choices)
    kind = models.CharField(_("what happened"), max_length=12, choices=Kind)
    detail = models.CharField(max_length=300, blank=True)  # verdict and row, or our exception; no secret
    at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = _("failed link")
        ordering = ["-at", "-id"]

    def __str__(self) -> str:
        return self.code

    @property
    def whose(self) -> str:
        """Whom staff know it by: the person, else the address that the client link went to; "" where both are gone."""
        if self.user is not None:
            return str(self.user)
        return str(self.client_link) if self.client_link else ""

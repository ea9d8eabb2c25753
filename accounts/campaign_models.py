"""Re-auth campaigns: log-ins whose people are asked together to renew them. `accounts.campaigns` writes both tables."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class Campaign(models.Model):
    """Log-ins that are asked about together, until all are renewed, somebody stops it, or its last day is over."""

    class Ending(models.TextChoices):
        ALL_DONE = "all_done", _("Nobody is left to wait for")
        STOPPED = "stopped", pgettext_lazy("campaign", "Stopped")
        LAST_DAY = "last_day", _("Its last day is over")
        MAKER_LEFT = "maker_left", _("Whoever began it may no longer ask")

    name = models.CharField(_("name"), max_length=100)
    note = models.CharField(max_length=300, blank=True)  # plain text in its mails
    # Whose name the mails carry, and whose right to ask is looked at before each.
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created at"), default=timezone.now)
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=10, choices=Ending, blank=True)
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    # What the page that asked was given: sent twice, it is one campaign.
    once = models.CharField(max_length=40, blank=True)
    # Whether those are asked, too, who had snoozed mails about their accounts when it began.
    asks_snoozed = models.BooleanField(db_default=False)

    class Meta:
        verbose_name = _("re-auth campaign")
        verbose_name_plural = _("re-auth campaigns")
        default_permissions = ("view",)
        permissions = [("run_campaign", "Can begin and stop re-auth campaigns")]
        constraints = [
            models.UniqueConstraint(
                fields=["made_by", "once"], condition=~Q(once=""), name="one_campaign_of_a_page"
            ),
            models.CheckConstraint(
                condition=Q(ended_at=None, ending="") | (Q(ended_at__isnull=False) & ~Q(ending="")),
                name="campaign_ends_some_way",
            ),
        ]
        indexes = [models.Index("id", condition=Q(ended_at=None), name="campaign_running")]

    def __str__(self) -> str:
        return self.name


class CampaignLogIn(models.Model):
    """One log-in of a campaign. It goes with the log-in, where a person has their data deleted."""

    class Stage(models.TextChoices):
        WAITING = "waiting", _("To be asked")
        SENT = "sent", _("Sent")
        OPENED = "opened", _("Opened")
        AT_CHANNEL = "at_channel", _("At the channel")
        DONE = "done", _("Done")
        FAILED = "failed", _("Failed")
        NOT_ASKABLE = "not_askable", _("Cannot be asked")
        LEFT = "left", _("Not done")  # when the campaign ended

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="log_ins", db_index=False)
    token = models.ForeignKey("tokens.Token", models.CASCADE, related_name="+")
    added_at = models.DateTimeField()
    was_dead = models.BooleanField(db_default=False)  # when it was added: then it is done once it works again
    stage = models.CharField(max_length=11, choices=Stage, default=Stage.WAITING)
    why = models.CharField(max_length=20, blank=True)  # a block of words/campaigns.txt
    asks = models.PositiveSmallIntegerField(default=0)  # the first and the reminders
    next_at = models.DateTimeField(null=True, blank=True)  # when it is asked next
    first_asked_at = models.DateTimeField(null=True, blank=True)
    asked_at = models.DateTimeField(null=True, blank=True)
    message = models.BigIntegerField(null=True, blank=True)  # the last mail; mails are pruned on their own
    opened_at = models.DateTimeField(null=True, blank=True)
    at_channel_at = models.DateTimeField(null=True, blank=True)
    trouble = models.CharField(
        max_length=20, blank=True
    )  # what went wrong at the channel, since it went there
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["campaign", "token"], name="once_in_a_campaign")]
        indexes = [models.Index("next_at", condition=Q(next_at__isnull=False), name="campaign_next")]

    def __str__(self) -> str:
        return f"{self.campaign_id}, {self.token_id}: {self.stage}"

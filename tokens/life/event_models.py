"""What happened to a token, ways to a channel and back, answers that nobody knows, and requests to delete."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.channel_apps.models import ChannelApp
from tokens.choices import channel_choices
from tokens.life.models import Token


class TokenEvent(models.Model):
    """What happened to a token, with the evidence kept once. Append only."""

    class Kind(models.TextChoices):
        LINKED = "linked", _("Linked")
        RENEWED = "renewed", _("Renewed")
        DATES = "dates", _("Dates changed")
        NOT_RENEWED = "not_renewed", _("Renewal refused")
        ANSWER_LOST = "answer_lost", _("Answer to a renewal lost")
        COOLED = "cooled", _("Trouble, being confirmed")
        RECOVERED = "recovered", _("Works again")
        DIED = "died", _("Stopped")
        DISPUTED = "disputed", _("Reported, not confirmed")
        ASKED = "asked", _("Asked to re-authenticate")
        REVOKED = "revoked", _("Revoked at the channel")
        REMOVED = "removed", _("Removed on purpose")

    token = models.ForeignKey(Token, models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    source = models.CharField(max_length=20, blank=True)  # who found it: report, sweep, staff, link …
    detail = models.JSONField(default=dict, blank=True)
    at = models.DateTimeField()

    class Meta:
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(F("token"), F("at").desc(), name="token_event_line"),
            # Few, and written by those who ask alone.
            models.Index("at", condition=Q(kind="asked"), name="token_event_asked"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: token {self.token_id}"


class Handshake(models.Model):
    """One way to a channel and back. What it is about is in the person's session; the row says that it is answered once."""

    state_hash = models.CharField(max_length=64, primary_key=True)  # of what the channel hands back
    channel = models.CharField(max_length=20, choices=channel_choices)
    # None: of somebody who is not known yet (a client link).
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, null=True, related_name="+")
    began_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True, blank=True)  # when the person came back
    ended_at = models.DateTimeField(null=True, blank=True)
    led_to = models.CharField(max_length=300, blank=True)  # where it led; empty: to a page that says why not

    class Meta:
        indexes = [models.Index("began_at", name="handshake_began")]

    def __str__(self) -> str:
        return gettext("Handshake of user %(user)s with %(channel)s") % {
            "user": self.user_id,
            "channel": self.get_channel_display(),
        }


class UnknownAnswer(models.Model):
    """A kind of answer that no verdict table knows, kept once per channel app, scrubbed."""

    app = models.ForeignKey(ChannelApp, models.CASCADE, related_name="unknown_answers", db_index=False)
    fingerprint = models.CharField(max_length=32)
    call = models.CharField(_("call"), max_length=20)
    status = models.PositiveIntegerField(_("status"))
    sample = models.JSONField(default=dict)  # what the channel answered first, without secrets
    count = models.PositiveIntegerField(_("count"), default=1)
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    last_token = models.ForeignKey(Token, models.SET_NULL, null=True, blank=True, related_name="+")
    # Whose report brought the first one; empty: AdToken's own question.
    api_key = models.BigIntegerField(null=True, blank=True)
    told_at = models.DateTimeField(null=True, blank=True)  # when operators were told

    class Meta:
        verbose_name = _("unknown answer")
        verbose_name_plural = _("unknown answers")
        ordering = ["-last_seen_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["app", "fingerprint"], name="one_row_per_unknown_answer"),
        ]

    def __str__(self) -> str:
        return gettext("Unknown answer %(status)s of %(app)s") % {"status": self.status, "app": self.app}


class DeletionRequest(models.Model):
    """A person's request, sent by the channel, to delete what we hold of them. Its page is public, its code is not guessable."""

    class State(models.TextChoices):
        RECEIVED = "received", _("Received")
        DONE = "done", _("Done")

    app = models.ForeignKey(ChannelApp, models.CASCADE, related_name="+")
    native_user_id = models.CharField(max_length=191, blank=True)  # emptied once it is done
    code = models.CharField(max_length=40, unique=True)
    # Of the signed request, so that a repeated one is answered the same.
    request_hash = models.CharField(max_length=64, unique=True)
    state = models.CharField(max_length=10, choices=State, default=State.RECEIVED)
    received_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["-received_at"]

    def __str__(self) -> str:
        return gettext("Deletion request %(number)s at %(app)s") % {"number": self.pk, "app": self.app}

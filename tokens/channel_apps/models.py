"""Our developer apps on the channels, whose secrets are sealed, and requests to delete that come to them."""

from collections.abc import Collection
from functools import lru_cache
from typing import ClassVar, Self

from django.conf import settings
from django.core.validators import URLValidator
from django.db import models
from django.db.models import Q
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from tokens.channels import gate, registry
from tokens.channels.kinds import AppKeys
from tokens.channels.pushes import PushPlace
from tokens.choices import channel_choices
from tokens.vault import services as vault
from tokens.vault.services import VaultError

VERIFY_TOKEN = "push.verify_token"  # noqa: S105  # what a derived word is for, not the word
ADDRESS_KEY = "push.address_key"


class ChannelAppQuerySet(models.QuerySet["ChannelApp"]):
    """Channel apps, by phrases that compose."""

    def leading(self) -> Self:
        """Those that new links use: one of a channel at most."""
        return self.filter(is_default=True)

    def set_up(self) -> Self:
        """Those that are, or were, in use."""
        return self.exclude(state=ChannelApp.State.NOT_SET_UP)

    def taking_links(self) -> Self:
        """Those by which somebody can link now."""
        return self.leading().set_up().filter(secrets__isnull=False)

    def refused(self) -> Self:
        """Those that their channel refuses."""
        return self.exclude(fault_since=None)


class ChannelApp(vault.NamesItsKeys):
    """Our developer app on one channel. Its secrets are sealed, newest first."""

    class State(models.TextChoices):
        NOT_SET_UP = "not_set_up", _("Not set up")
        LIVE = "live", _("Live")
        RETIRING = "retiring", _("Retiring")

    channel = models.CharField(_("channel"), max_length=20, choices=channel_choices)
    label = models.CharField(_("label"), max_length=100, blank=True)
    client_id = models.CharField(_("client ID"), max_length=200)
    secrets: vault.Sealed | None = vault.SealedField(null=True, editable=False)
    secrets_key = vault.KeyNameField(of="secrets")
    scopes = models.JSONField(default=list, blank=True, help_text=_("Empty: the channel's usual ones."))
    redirect_base = models.CharField(
        _("redirect base"),
        max_length=200,
        blank=True,
        validators=[URLValidator(["https", "http"])],
        help_text=_("Empty: BASE_URL."),
    )
    is_default = models.BooleanField(default=True, help_text=_("New links use this app."))
    state = models.CharField(_("state"), max_length=20, choices=State, default=State.NOT_SET_UP)
    fault = models.CharField(
        max_length=300, blank=True, help_text=_("What the channel said when it refused our app.")
    )
    fault_since = models.DateTimeField(null=True, blank=True)
    fault_kind = models.CharField(
        max_length=10, blank=True, help_text=_("Which kind of call found it; one of that kind ends it.")
    )
    use_answered_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text=_(
            "When the reading was asked for whose good answer last ended a suspicion or fault of the app."
        ),
    )
    # A configuration of the log-in, for channels that say `takes_config_id`.
    config_id = models.CharField(_("configuration ID"), max_length=60, blank=True)
    daily_budget = models.PositiveIntegerField(
        null=True,
        blank=True,
        help_text=_(
            "Calls a day that the channel allows this app. From 80 % on checks slow down, renewals never. Empty: no budget."
        ),
    )
    version = models.PositiveIntegerField(
        _("version"), default=1, help_text=_("Grows with every change; caches go by it.")
    )

    objects: ClassVar[ChannelAppQuerySet] = ChannelAppQuerySet.as_manager()  # type: ignore[assignment]  # a manager of its methods

    class Meta:
        verbose_name = _("channel app")
        verbose_name_plural = _("channel apps")
        ordering = ["channel", "id"]
        constraints = [
            models.UniqueConstraint(fields=["channel", "client_id"], name="one_row_per_channel_app"),
            models.UniqueConstraint(
                fields=["channel"], condition=Q(is_default=True), name="one_default_app_per_channel"
            ),
        ]

    def __str__(self) -> str:
        return gettext("%(channel)s app %(name)s") % {
            "channel": self.get_channel_display(),
            "name": self.label or self.client_id,
        }

    def validate_constraints(self, exclude: Collection[str] | None = None) -> None:
        """Check the constraints but "one default app per channel": saving takes the tick off the other app."""
        super().validate_constraints(exclude={*(exclude or ()), "is_default"})

    @property
    def owner(self) -> str:
        """The natural key that the secrets are sealed for."""
        return f"app:{self.channel}:{self.client_id}"

    @property
    def redirect_uri(self) -> str:
        """The callback address to be registered at the channel."""
        return f"{(self.redirect_base or settings.BASE_URL).rstrip('/')}/link/{self.channel}/callback/"

    def keys(self) -> AppKeys:
        """Return the app's keys, unsealed.

        Raises VaultError when they do not open, NothingStored (one of them) when no secret is stored.
        """
        if self.secrets is None:
            raise vault.NothingStored(
                gettext("%(app)s has no secret yet. Enter it under Channel apps.") % {"app": self}
            )
        return AppKeys(
            client_id=self.client_id,
            secrets=tuple(vault.unseal(self.owner, self.secrets)["secrets"]),
            redirect_uri=self.redirect_uri,
            scopes=tuple(self.scopes),
            config_id=self.config_id,
        )

    def set_secrets(self, secrets: list[str]) -> None:
        """Seal the secrets, newest first. Does not save."""
        self.secrets = vault.seal(self.owner, {"secrets": secrets})

    @property
    def call_name(self) -> str:
        """What its calls are counted under: limits, pauses and silence."""
        return gate.name_of(self.channel, self.client_id)

    @property
    def cannot_lead(self) -> str:
        """Why new links cannot use this app, or ""."""
        if self.secrets is None:
            return gettext("This app has no secret yet. Enter it first.")
        if self.state == self.State.NOT_SET_UP:
            return gettext("This app is not set up yet. Set its state to Live first.")
        return ""

    def token_owner(self, native_user_id: str) -> str:
        """Return the owner that a token's credentials are sealed for."""
        return f"token:{self.channel}:{self.client_id}:{native_user_id}"

    def push_words(self, purpose: str) -> list[str]:
        """Return the app's words for a purpose: the present one first, then those of older secret keys. Each has 40 hex digits.

        They are derived from SECRET_KEY for each app, so that nothing new is stored and a new app secret changes no address. They survive a
        change of SECRET_KEY for as long as the old one is in SECRET_KEY_FALLBACKS.
        """
        secrets = [settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS]
        return [
            salted_hmac(purpose, self.owner, secret=secret, algorithm="sha256").hexdigest()[:40]
            for secret in secrets
        ]

    @property
    def push_place(self) -> PushPlace:
        """What the addresses of the app are made of to which its channel pushes. The app must be saved."""
        base = f"{(self.redirect_base or settings.BASE_URL).rstrip('/')}/push/{self.channel}"
        return PushPlace(base, self.pk, self.push_words(VERIFY_TOKEN)[0], self.push_words(ADDRESS_KEY)[0])

    @property
    def push_fields(self) -> list[tuple[str, str]]:
        """What operators enter at the channel: (the field's name there, the value). Empty where the channel pushes nothing."""
        pushes = registry.get(self.channel).pushes if self.pk else None
        return [] if pushes is None else list(pushes.to_enter(self.push_place))

    @property
    def secret_opens(self) -> bool:
        """Return whether the app's secret can be read with the keys of this installation."""
        try:
            self.keys()
        except (VaultError, ValueError):
            return False
        return True


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


@lru_cache(maxsize=64)
def keys_by_version(app_id: int, version: int) -> AppKeys:
    """Return the app's keys, unsealed once per process and version. A change of the app grows its version, so that nothing stale is served.

    Raises DoesNotExist where the app, or this version of it, is not stored, and what `ChannelApp.keys` raises.
    """
    app = ChannelApp.objects.get(pk=app_id)
    if app.version < version:
        raise ChannelApp.DoesNotExist(f"Version {version} of {app} is not stored.")
    return app.keys()

"""What log-ins reach at their channels, linked or not: the last list of each, as far as it matters here."""

from django.db import models
from django.utils.translation import gettext

from tokens.models import Token


class ReachedAccount(models.Model):
    """An ad account that the channel's list named to a log-in, linked here or not. Only `accounts.sync.reach` writes these."""

    token = models.ForeignKey(Token, models.CASCADE, related_name="reached", db_index=False)
    native_id = models.CharField(max_length=100)  # canonical; of the channel of the token's app
    role = models.CharField(max_length=200, blank=True)  # the channel's own word
    can_publish = models.CharField(max_length=8)  # of AccountToken.CanPublish
    seen_at = models.DateTimeField()  # when a list last named it, to the day

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["token", "native_id"], name="one_reading_of_an_ad_account")
        ]
        indexes = [models.Index("native_id", include=["token", "can_publish"], name="reached_by_whom")]

    def __str__(self) -> str:
        return gettext("Token %(token)s reaches %(account)s") % {
            "token": self.token_id,
            "account": self.native_id,
        }


class ListReading(models.Model):
    """When the list of a log-in's ad accounts was last read, to the day: which may have named none."""

    token = models.OneToOneField(Token, models.CASCADE, primary_key=True, related_name="list_reading")
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return gettext("List of token %(token)s") % {"token": self.token_id}

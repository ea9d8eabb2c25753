"""Who gets the weekly digest of a team."""

from django.conf import settings
from django.db import models

from users.models import Team


class DigestSubscription(models.Model):
    """The weekly digest of a team, for a person of it, or for all its leads (`user` empty), whoever they are then."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="+", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+"
    )
    always = models.BooleanField(
        default=False, db_default=False
    )  # also a week in which there is nothing to say
    started_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["team", "user"], nulls_distinct=False, name="one_digest_of_a_team"
            ),
        ]

    def __str__(self) -> str:
        return f"team {self.team_id} to {self.user_id or 'its leads'}"


class DigestAddress(models.Model):
    """An address that gets the weekly digest of a team beside its people: a client's director. Staff set it."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="+", db_index=False)
    email = models.EmailField()
    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    started_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        permissions = [("set_digest_addresses", "Can say who else gets the weekly digest of a team")]
        constraints = [
            models.UniqueConstraint(fields=["team", "email"], name="one_digest_of_an_address"),
        ]

    def __str__(self) -> str:
        return f"team {self.team_id} to {self.email}"


class DigestStop(models.Model):
    """A reader stopped the digest of a team by the link in it, however it came. It is over when they order it again."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="+", db_index=False)
    email = models.EmailField()
    at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["team", "email"], name="one_stop_of_a_digest"),
        ]

    def __str__(self) -> str:
        return f"{self.email} stopped team {self.team_id}"

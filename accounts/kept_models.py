"""What a worker works out before lists ask for it, and when it last did: see `accounts.kept_sets`."""

from django.db import models


class KeptSet(models.Model):
    """That a worker looked through all accounts for a set, when, and how long that took. Only `accounts.kept_sets` writes these."""

    name = models.CharField(max_length=20, primary_key=True)
    at = models.DateTimeField()
    took = models.DurationField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name}, {self.at:%d %b %Y, %H:%M:%S}"


class BackupAtHand(models.Model):
    """An account that one person carries, or nobody, and to which somebody could be added at once.

    Only `accounts.backups_kept` writes these.
    """

    account = models.OneToOneField("accounts.Account", models.CASCADE, primary_key=True, related_name="+")

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Account {self.account_id}"


class PeopleUntil(models.Model):
    """Until when one, two and three people can carry an account if nobody does anything. Only `accounts.people_kept` writes these.

    Empty: so many cannot, or of the end of their log-ins nothing is known. `people_kept.FOREVER`: no end.
    """

    account = models.OneToOneField("accounts.Account", models.CASCADE, primary_key=True, related_name="+")
    one = models.DateTimeField()
    two = models.DateTimeField(null=True)
    three = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"Account {self.account_id}"

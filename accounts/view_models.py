"""Views of a list that people keep under a name: the filters of an address. `accounts.saved_views` writes them."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from users.models import Team


class SavedView(models.Model):
    """Filters of Social Accounts under a name: its owner's, and of the people of a team where it is shared with one."""

    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+", db_index=False)
    name = models.CharField(_("name"), max_length=60)
    query = models.CharField(max_length=2000)  # of the address, see `saved_views.normal`
    team = models.ForeignKey(
        Team, models.SET_NULL, null=True, blank=True, related_name="+"
    )  # whom it is shared with
    created_at = models.DateTimeField()

    class Meta:
        default_permissions = ()
        permissions = [("save_view", "Can save views of lists")]
        constraints = [models.UniqueConstraint(fields=["owner", "name"], name="one_view_of_a_name")]

    def __str__(self) -> str:
        return self.name

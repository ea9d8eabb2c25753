"""A consent that waits for the choice of accounts, and what people met while linking."""

import uuid
from collections.abc import Sequence
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.asks.models import Ask
from accounts.pool.models import Account, AccountToken
from tokens.channels.kinds import NativeAccount
from tokens.choices import channel_choices
from tokens.models import Token
from users.models import Membership, User

MOST_DONE = 400  # accounts that the address of the page after linking names: a web server takes no longer one


class PendingLink(models.Model):
    """A consent that waits for the choice of accounts. Taken by DELETE ... RETURNING, swept after 15 minutes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    token = models.ForeignKey(Token, models.CASCADE, related_name="+")
    account = models.ForeignKey("accounts.Account", models.CASCADE, null=True, blank=True, related_name="+")
    offered = models.JSONField(default=list)  # the channel's list, as NativeAccount fields
    complete = models.BooleanField(default=True)
    no_longer = models.JSONField(default=list)  # ids of accounts that this consent no longer serves
    # Native ids of the ad accounts that the person was asked to link: they are ticked beforehand. None: nobody said.
    wanted = models.JSONField(null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return gettext("Pending link of token %(token)s") % {"token": self.token_id}

    @property
    def natives(self) -> list[NativeAccount]:
        """The channel's list as it was kept."""
        known = NativeAccount.__dataclass_fields__
        return [
            NativeAccount(**{name: value for name, value in fields.items() if name in known})
            for fields in self.offered
        ]

    @property
    def carried_ids(self) -> set[str]:
        """The ad accounts (native ids) that the log-in carried before."""
        entries = AccountToken.objects.filter(token=self.token, access=AccountToken.Access.OK)
        return set(entries.values_list("account__native_id", flat=True))

    @property
    def came_back(self) -> bool:
        """Whether the choose page can be skipped: the person was sent here for an account that this log-in carries already.

        It is not skipped when the grant got smaller, the list is incomplete, or publishing was not granted.
        """
        if self.account is None or self.no_longer or not self.complete:
            return False
        return not self.token.missing_scopes and self.account.native_id in self.carried_ids

    @property
    def expected_instead(self) -> str:
        """The name of the log-in that was expected where a different one came back for the target account, else ""."""
        if self.account is None:
            return ""
        user_id = self.user_id
        entries = AccountToken.objects.filter(account=self.account, token__consented_by=user_id)
        expected = (
            entries.exclude(token=self.token).select_related("token").order_by("-token__linked_at").first()
        )
        same = AccountToken.objects.filter(account=self.account, token=self.token).exists()
        return "" if same or expected is None else expected.token.native_user_name

    @property
    def dropped_account(self) -> Account | None:
        """The account that the person was sent to renew where the channel's whole list does not hold it, else None."""
        account = self.account
        if account is None or not self.complete or account.pk in self.no_longer:
            return None
        there = {native["native_id"] for native in self.offered}
        return None if account.native_id in there else account

    def url_when_done(self, account_ids: Sequence[int], *, again: bool = False) -> str:
        """Return where the person is led once these are linked: to the page that says what is linked now."""
        ids = ",".join(str(pk) for pk in account_ids[:MOST_DONE])
        return f"{reverse('linked')}?account={ids}{'&again=1' if again else ''}"


class LinkProblemQuerySet(models.QuerySet["LinkProblem"]):
    """Failed links, by phrases that compose."""

    def visible_to(self, user: User) -> Self:
        """The problems of a person's colleagues, their own, and those of client links of their teams."""
        if user.sees_all_teams:
            return self
        teams = Membership.objects.filter(user=user).values("team")
        colleagues = Membership.objects.filter(team__in=teams).values("user")
        links = Ask.objects.filter(team__in=teams).values("pk")
        return self.filter(Q(user__in=colleagues) | Q(user=user) | Q(client_link__in=links))


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

    objects: ClassVar[LinkProblemQuerySet] = LinkProblemQuerySet.as_manager()  # type: ignore[assignment]  # of its methods

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

    def link_for(self, viewer: User) -> Ask | None:
        """Return the client link by which it happened; None where it is of a team that the viewer does not see.

        A contact may have several.
        """
        link = self.client_link
        return link if link and link.team in viewer.teams_seen else None

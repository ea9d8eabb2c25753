"""The table of sessions: who is logged in, in which browser, since when."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Self

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q
from django.utils import timezone

from users import browsers

if TYPE_CHECKING:
    from users.models import User

# Of staff, whose session opens the portal. Everybody else's ends after SESSION_COOKIE_AGE; no click makes it longer.
STAFF_LIFETIME = timedelta(hours=12)
STAFF_IDLE = timedelta(minutes=30)
SEEN_EVERY = timedelta(minutes=1)  # how often a session's last request is noted, at most


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions, by phrases that compose."""

    def ended(self, now: datetime) -> Self:
        """Return those that open nothing any more."""
        began, seen = now - STAFF_LIFETIME, now - STAFF_IDLE
        of_staff = Q(user__is_staff=True) & (Q(began_at__lte=began) | Q(seen_at__lte=seen))
        return self.filter(Q(expire_date__lte=now) | of_staff)

    def of(self, user: "User", now: datetime) -> Self:
        """Return where the person is logged in now, the oldest first."""
        ended = self.model._default_manager.filter(user=user).ended(now)  # noqa: SLF001  # documented API
        return self.filter(user=user).exclude(pk__in=ended.values("pk")).order_by("began_at")


class Session(AbstractBaseSession):
    """One browser's session. The key is a hash of the id in the browser's cookie, so that a copy of this table opens nothing."""

    session_key = models.CharField(max_length=64, primary_key=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="sessions"
    )
    address = models.GenericIPAddressField(null=True, blank=True)
    browser = models.CharField(max_length=200, blank=True)
    began_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)

    objects = SessionQuerySet.as_manager()  # type: ignore[assignment, misc]  # Django's own writes whole rows; ours does not

    def __str__(self) -> str:
        return f"Session since {self.began_at:%Y-%m-%d %H:%M} UTC"

    @classmethod
    def get_session_store_class(cls) -> Any:
        """Return the store that reads and writes this table."""
        from users.sessions import SessionStore

        return SessionStore

    @property
    def browser_name(self) -> str:
        """The browser as people call it."""
        return browsers.named(self.browser)

    def get_decoded(self) -> dict[str, Any]:
        """Return what the row holds."""
        store = self.get_session_store_class()()
        store.row_key = self.pk
        decoded: dict[str, Any] = store.decode(self.session_data)
        return decoded

    def has_ended_for_staff(self, now: datetime) -> bool:
        """Return whether the session of somebody of staff is over: too old, or unused for too long."""
        return self.began_at <= now - STAFF_LIFETIME or self.seen_at <= now - STAFF_IDLE

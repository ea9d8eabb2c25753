"""Sessions: the table of who is logged in, in which browser, since when, and the store (SESSION_ENGINE), Django's own but for the key.

The id in the browser's cookie is in no table: whoever reads a backup, a replica or a query log can open no session with it. What a row
holds is signed for this row alone, so a copy of it in another one is an empty session; the seed of an authenticator app that is just being
set up is encrypted in it.
A session ends at a time that is fixed when the person logs in; using it does not put that off.
"""

import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any, Self

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_ID
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import IntegrityError, models, transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone

from infra.keys import seal, unseal
from users.sessions.client_address import client_address
from users.sessions.models import BROWSER_LENGTH, name_of_browser

# Of staff, whose session opens the portal. Everybody else's ends after SESSION_COOKIE_AGE; no click makes it longer.
STAFF_LIFETIME = timedelta(hours=12)
STAFF_IDLE = timedelta(minutes=30)
SEEN_EVERY = timedelta(minutes=1)  # how often a session's last request is noted, at most
# What the log-in writes into the session, for the columns of its row.
BEGAN, ADDRESS, BROWSER = "began", "address", "browser"
SEED = "mfa.totp.secret"  # the library's name for it
CLEARED_AT_ONCE = 1_000  # sessions that have ended, removed in one transaction
HANDLE = 16  # characters of a row's key by which pages name one session among those of its person


def stored_key(session_id: str) -> str:
    """Return what the table holds of the id in a cookie. The id is 165 random bits, so a plain hash keeps it secret."""
    return hashlib.sha256(session_id.encode()).hexdigest()


class SessionQuerySet(models.QuerySet["Session"]):
    """Sessions, by phrases that compose."""

    def ended(self, now: datetime) -> Self:
        """Return those that no longer open anything."""
        began, seen = now - STAFF_LIFETIME, now - STAFF_IDLE
        of_staff = Q(user__is_staff=True) & (Q(began_at__lte=began) | Q(seen_at__lte=seen))
        return self.filter(Q(expire_date__lte=now) | of_staff)

    def of_user(self, user_id: int, now: datetime) -> Self:
        """Return where the person is logged in now, the oldest first."""
        ended = Session.objects.filter(user_id=user_id).ended(now)
        return self.filter(user_id=user_id).exclude(pk__in=ended.values("pk")).order_by("began_at")

    def called(self, handle: str) -> Self:
        """Return the one that pages name so (`Session.handle`), of those of one person; none for anything else."""
        return self.filter(pk__startswith=handle) if len(handle) == HANDLE else self.none()


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
        return SessionStore

    @property
    def handle(self) -> str:
        """What pages and addresses name the row by: the beginning of its key, which opens nothing."""
        return self.pk[:HANDLE]

    @property
    def browser_name(self) -> str:
        """The browser as people call it."""
        return name_of_browser(self.browser)

    def get_decoded(self) -> dict[str, Any]:
        """Return what the row holds."""
        store = self.get_session_store_class()()
        store.row_key = self.pk
        decoded: dict[str, Any] = store.decode(self.session_data)
        return decoded

    def has_ended_for_staff(self, now: datetime) -> bool:
        """Return whether the session of somebody of staff is over: too old, or unused for too long."""
        return self.began_at <= now - STAFF_LIFETIME or self.seen_at <= now - STAFF_IDLE


class SessionStore(DatabaseStore):
    """Sessions in users.Session."""

    row: Session | None = None  # as it was loaded; None for a new session
    row_key: str | None = None  # of a row that is read without the id in the browser's cookie

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return the table of sessions."""
        return Session

    @property
    def key_salt(self) -> str:
        """Return what the row is signed with, beside SECRET_KEY: its own key."""
        return f"users.sessions.services.{self.row_key or stored_key(str(self.session_key))}"

    def encode(self, session_dict: dict[str, Any]) -> str:
        """Return the text of the row."""
        seed = session_dict.get(SEED)
        if seed:
            session_dict = session_dict | {SEED: seal(seed)}
        return super().encode(session_dict)

    def decode(self, session_data: str | bytes) -> dict[str, Any]:
        """Return what the row holds; nothing where it was signed for another one. A seed that does not open is None."""
        data = super().decode(session_data)
        if data.get(SEED):
            data[SEED] = unseal(data[SEED])
        return data

    def _get_session_from_db(self) -> Session | None:
        found = Session.objects.filter(pk=stored_key(str(self.session_key)), expire_date__gt=timezone.now())
        self.row = found.first()
        if self.row is None:
            self._session_key = None
        return self.row

    def exists(self, session_key: str) -> bool:
        """Return whether there is a session with this id."""
        return Session.objects.filter(pk=stored_key(session_key)).exists()

    def save(self, must_create: bool = False) -> None:
        """Write the row. Raises CreateError where the id is taken, UpdateError where the session was ended meanwhile."""
        if self.session_key is None:
            self.create()
            return
        data: dict[str, Any] = self._get_session(no_load=must_create)  # type: ignore[attr-defined]  # of the base class
        key, columns = stored_key(self.session_key), self._columns(data)
        if not must_create:
            if not Session.objects.filter(pk=key).update(**columns):
                raise UpdateError
            return
        try:
            with transaction.atomic():
                Session.objects.create(pk=key, **columns)
        except IntegrityError as error:
            raise CreateError from error

    def delete(self, session_key: str | None = None) -> None:
        """Remove the session with this id; without one, this session."""
        session_key = session_key or self.session_key
        if session_key:
            Session.objects.filter(pk=stored_key(session_key)).delete()

    def get_expiry_date(self, **kwargs: Any) -> datetime:
        """Return when the session ends: a fixed time after the log-in."""
        began = kwargs.get("data", self).get(BEGAN)
        start = datetime.fromtimestamp(began, UTC) if began else timezone.now()
        return start + timedelta(seconds=settings.SESSION_COOKIE_AGE)

    def get_expiry_age(self, **kwargs: Any) -> int:
        """Return the seconds until then, for the cookie."""
        return max(0, int((self.get_expiry_date(**kwargs) - timezone.now()).total_seconds()))

    def _columns(self, data: dict[str, Any]) -> dict[str, Any]:
        columns: dict[str, Any] = {
            "session_data": self.encode(data),
            "expire_date": self.get_expiry_date(data=data),
            "user_id": data.get(USER_ID),
            "address": data.get(ADDRESS),
            "browser": data.get(BROWSER, ""),
        }
        if BEGAN in data:
            columns["began_at"] = datetime.fromtimestamp(data[BEGAN], UTC)
        return columns

    @classmethod
    def clear_expired(cls) -> None:
        """Remove the sessions that no longer open anything."""
        ended = (
            Session.objects.ended(timezone.now())
            .order_by("pk")
            .select_for_update(skip_locked=True, of=("self",))
        )
        removed = CLEARED_AT_ONCE
        while removed == CLEARED_AT_ONCE:
            with transaction.atomic():
                keys = list(ended.values_list("pk", flat=True)[:CLEARED_AT_ONCE])
                removed = Session.objects.filter(pk__in=keys).delete()[0]


def begin_session(*, request: HttpRequest, **_kwargs: Any) -> None:
    """Write into the session when it began, and from where. The end is counted from now."""
    request.session.update(
        {
            BEGAN: time.time(),
            ADDRESS: client_address(request),
            BROWSER: request.headers.get("User-Agent", "")[:BROWSER_LENGTH],
        }
    )


def renew_session_id(*, request: HttpRequest, reauthenticated: bool = False, **_kwargs: Any) -> None:
    """Give a session another id when the person has shown again who they are; its end stays where it was."""
    if reauthenticated and request.user.is_authenticated:
        request.session.cycle_key()

"""The session store (SESSION_ENGINE): Django's database store, but for the key, of which the table holds a hash only.

The id in the browser's cookie stands in no table: whoever reads a backup, a replica or a query log can open no session with it.
A session ends at a time that is fixed when the person logs in; using it does not put that off.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth import SESSION_KEY as USER_ID
from django.contrib.sessions.backends.base import CreateError, UpdateError
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db import IntegrityError, transaction
from django.utils import timezone

from users.session_model import Session

# What the log-in writes into the session, for the columns of its row.
BEGAN, ADDRESS, BROWSER = "began", "address", "browser"


def stored_key(session_id: str) -> str:
    """Return what the table holds of the id in a cookie. The id is 165 random bits, so a plain hash keeps it secret."""
    return hashlib.sha256(session_id.encode()).hexdigest()


class SessionStore(DatabaseStore):
    """Sessions in users.Session."""

    row: Session | None = None  # as it was loaded; None for a new session

    @classmethod
    def get_model_class(cls) -> type[Session]:
        """Return the table of sessions."""
        return Session

    def _get_session_from_db(self) -> Session | None:
        found = Session.objects.filter(pk=stored_key(str(self.session_key)), expire_date__gt=timezone.now())
        self.row = found.first()
        if self.row is None:
            self._session_key = None
        return self.row

    def exists(self, session_key: str) -> bool:
        """Tell whether there is a session with this id."""
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
        """Remove the sessions that open nothing any more."""
        Session.objects.ended(timezone.now()).delete()

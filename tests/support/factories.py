"""Rows for tests, made the short way. They write straight into the tables; call `pool.settle` where a test needs a settled pool."""

import os
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import count
from typing import Any

from allauth.account.models import EmailAddress
from django.conf import settings
from django.contrib.auth.hashers import make_password

from accounts.models import Account, AccountToken
from tokens.models import ChannelApp, Token
from tokens.vault import services as vault
from users.models import Membership, Team, User

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
PASSWORD = "correct horse battery staple"
MARKER = "SBXTOKEN"  # the sandbox's tokens hold it too, so that leaks can be searched for

# As texts they sort in the same order. Whoever fills one database by several processes gives each a beginning of its own.
_numbers = count(int(os.environ.get("FACTORIES_BEGIN_AT", "1001")))


def make_team(name: str = "", **fields: Any) -> Team:
    return Team.objects.create(name=name or f"Team {next(_numbers)}", **fields)


def make_user(
    email: str = "", *, name: str = "", team: Team | None = None, password: str = PASSWORD, **fields: Any
) -> User:
    """A user with a verified e-mail row, as accepting an invitation makes it, in three inserts instead of twelve statements.

    Without a password nobody logs in; in a real product the first one takes a fifth of a second to hash.
    """
    number = next(_numbers)
    email = (email or f"person{number}@example.com").lower()
    user = User(email=email, name=name or f"Person {number}", **fields)
    user.password = _hashed(password or None, settings.PASSWORD_HASHERS[0])
    # Made in bulk, rows send no signals: these would look for what a new person cannot have, other addresses and log-ins.
    User.objects.bulk_create([user])
    EmailAddress.objects.bulk_create([EmailAddress(user=user, email=email, verified=True, primary=True)])
    Membership.objects.bulk_create([Membership(user=user, team=team or Team.default())])
    return user


@lru_cache
def _hashed(password: str | None, _hasher: str) -> str:
    """Hash a password once for all who have it."""
    return make_password(password)


def make_app(channel: str = "facebook", **fields: Any) -> ChannelApp:
    existing = ChannelApp.objects.leading().filter(channel=channel).first()
    if existing and not fields:
        return existing
    fields.setdefault("client_id", f"client-{next(_numbers)}")
    app = ChannelApp(channel=channel, state=ChannelApp.State.LIVE, **fields)
    app.set_secrets(["app-secret"])
    app.save()
    return app


def make_token(app: ChannelApp | None = None, **fields: Any) -> Token:
    """A valid token without a known date, unless fields say otherwise."""
    app = app or make_app()
    number = next(_numbers)
    fields.setdefault("native_user_id", str(1000 + number))
    fields.setdefault("native_user_name", f"Native {number}")
    fields.setdefault("issued_at", NOW - timedelta(days=1))
    fields.setdefault("linked_at", NOW - timedelta(days=1))  # the clock of the machine may be past NOW
    if fields.get("deadline"):
        fields.setdefault("deadline_kind", "date")
        fields.setdefault("access_expires_at", fields["deadline"])
        fields.setdefault("dates_source", {"access": "provider"})
    if fields.get("state", "valid") != "valid":
        fields.setdefault("reason", "password_changed")
    owner = app.token_owner(fields["native_user_id"])
    fields.setdefault(
        "credentials",
        vault.seal(owner, {"access_token": f"{MARKER}-{number}", "secret": f"{MARKER}-s{number}"}),
    )
    return Token.objects.create(app=app, **fields)


def make_account(channel: str = "facebook", *, team: Team | None = None, **fields: Any) -> Account:
    number = next(_numbers)
    fields.setdefault("native_id", str(400_000 + number))
    fields.setdefault("name", f"Account {number}")
    return Account.objects.create(channel=channel, team=team or Team.default(), **fields)


def link(account: Account, token: Token, **fields: Any) -> AccountToken:
    fields.setdefault("can_publish", "yes")
    return AccountToken.objects.create(account=account, token=token, **fields)

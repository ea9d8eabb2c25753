"""What the drills on bad answers need: log-ins at six channels, what a job and a person do with them, and what must be as before."""

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from tests.support.sandbox import Sandbox

CHANNELS = ("facebook", "snapchat", "x", "linkedin", "pinterest", "tiktok")
RENEWED = ("facebook", "snapchat", "linkedin", "pinterest")
REFRESHED = ("snapchat", "linkedin", "pinterest")
# Where a channel gives tokens, and where it is asked about one. All other paths read ad accounts, or say who a person is.
TOKENS = r"access_?[tT]oken$|oauth/token$|request_token$|oauth2/"
QUESTION = {
    "facebook": "debug_token", "snapchat": "/me$", "x": "verify_credentials|users/me$", "linkedin": "introspectToken",
    "pinterest": "user_account$", "tiktok": "user/info",
}  # fmt: skip
# What a job reports: the channel's own words for a log-in that is over.
REFUSALS: Mapping[str, tuple[int, Any]] = {
    "facebook": (401, {"error": {"code": 190, "error_subcode": 460, "message": "The session has been invalidated."}}),
    "snapchat": (401, {"request_status": "ERROR", "msg": "Unauthorized"}),
    "x": (401, {"errors": [{"code": 89, "message": "Invalid or expired token."}]}),
    "linkedin": (401, {"status": 401, "serviceErrorCode": 65600, "code": "INVALID_ACCESS_TOKEN", "message": "Invalid access token"}),
    "pinterest": (401, {"code": 2, "message": "Authentication failed."}),
    "tiktok": (200, {"code": 40105, "message": "Access token is incorrect or has been revoked.", "data": {}}),
}  # fmt: skip
MANY = 7  # ad accounts of one log-in: more than are read one by one
AFTERWARDS = timedelta(hours=81)  # when the channel is asked again that answers well
NEXT_CHECK = timedelta(minutes=20)
OPERATOR, MAILED = "ops@example.com", "mails to people"
NOT_OF_THE_CASE = {
    "id",
    "credentials",
    "credentials_key",
    "generation",
}  # fields that a case may leave changed


@dataclass
class Bench:
    """The stage, with what a case must leave as it was."""

    world: Sandbox
    key: str
    log: io.StringIO
    secrets: Sequence[str]  # what must be nowhere, beside the log-ins themselves
    rows: dict[Any, list[dict[str, Any]]] = field(default_factory=dict)  # model -> its rows
    states: dict[str, list[Any]] = field(default_factory=dict)  # channel -> what a good answer brings back

    def clear_log(self) -> None:
        """Forget what was logged."""
        self.log.seek(0)
        self.log.truncate()

    def keep(self) -> None:
        """Remember how all tokens, accounts and pools stand."""
        self.states = {channel: states_of(channel) for channel in CHANNELS}
        for model in _models():
            self.rows[model] = list(model.objects.order_by("pk").values())

    def restore(self) -> None:
        """Put back what a case left."""
        from notifications.models import Message
        from tokens.models import UnknownAnswer

        for model, rows in self.rows.items():
            model.objects.exclude(pk__in=[row["id"] for row in rows]).delete()
            for row, now in zip(rows, model.objects.order_by("pk").values(), strict=True):
                if changed := {name: row[name] for name in row if row[name] != now[name]}:
                    kept = {name: value for name, value in changed.items() if name not in NOT_OF_THE_CASE}
                    model.objects.filter(pk=row["id"]).update(**kept)
        Message.objects.all().delete()
        UnknownAnswer.objects.all().delete()
        forget()


def _models() -> list[Any]:
    from accounts.models import Account, AccountToken
    from tokens.models import ChannelApp, Token

    return [ChannelApp, Token, Account, AccountToken]


def forget() -> None:
    """Let the pauses of breaker and brake be over."""
    from django.core.cache import caches

    from tokens.channels import brake, breaker, shared

    caches["calls"].clear()
    for memory in (shared, breaker, brake):
        memory.forget()


def token_of(channel: str, name: str) -> Any:
    """Return a person's log-in."""
    from tokens.models import Token

    return Token.objects.select_related("app").get(
        app__channel=channel, consented_by__email=f"{name}@example.com"
    )


# ---- what a job and a person do


def lease_by_a_job(bench: Bench, channel: str) -> tuple[int, Any]:
    """Lease the account that Ben alone has. Returns status and body."""
    from accounts.models import Account

    account = Account.objects.get(channel=channel, name="Harbor Coffee DE")
    path = f"/api/v1/accounts/{channel}/{account.native_id}/lease"
    answer = _job(bench).post(path, {}, content_type="application/json")
    return answer.status_code, answer.json()


def lease(bench: Bench, channel: str, now: datetime) -> list[str]:
    """A job leases an account whose access token is over: the process that refreshes is asked, and waited for."""
    from tokens.models import Token

    over = {"access_expires_at": now - timedelta(hours=1), "dates_source": {"access": "provider"}}
    Token.objects.filter(app__channel=channel, consented_by__email="ben@example.com").update(**over)
    status, _ = lease_by_a_job(bench, channel)
    return [] if status == 503 else [f"the lease was answered {status}"]


def report(bench: Bench, channel: str, now: datetime) -> list[str]:
    """A job was told that the log-in is over, and we ask ourselves."""
    status, body = lease_by_a_job(bench, channel)
    if status != 200:
        return [f"the lease was answered {status}"]
    refusal, said = REFUSALS[channel]
    path, sent = f"/api/v1/leases/{body['lease_id']}/report", {"status": refusal, "body": said}
    answer = _job(bench).post(path, sent, content_type="application/json")
    good = answer.status_code == 200 and answer.json()["action"] in {"retry_later", "retry_with", "none"}
    return [] if good else [f"the report was answered {answer.status_code} {answer.json()}"]


def _job(bench: Bench) -> Any:
    from django.test import Client

    return Client(raise_request_exception=False, headers={"authorization": f"Bearer {bench.key}"})


def leave(bench: Bench, channel: str, now: datetime) -> list[str]:
    """A person leaves for the channel, which is asked for a request token first."""
    from django.test import Client
    from django.urls import reverse

    from users.models import User

    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.get(email="ada@example.com"))
    status = browser.post(reverse("link", args=[channel])).status_code
    return [] if status in {200, 302, 400, 502, 503} else [f"leaving was answered {status}"]


def on_the_way_back(name: str, channel: str) -> Callable[[], list[str]]:
    """Have a person leave for the channel and consent. Returns what leads them back, and says what was wrong with that."""
    from django.test import Client

    from tests.support import native
    from users.models import User

    browser = Client(raise_request_exception=False)
    browser.force_login(User.objects.get(email=f"{name}@example.com"))
    address = native.decide(native.leave(browser, channel), name)

    def come_back() -> list[str]:
        status = native.back(browser, address).status_code
        return [] if status in {200, 302, 400, 502, 503} else [f"the way back was answered {status}"]

    return come_back


# ---- what must be so afterwards


def ended(channel: str) -> list[str]:
    """Say what ended by it, and who was mailed."""
    from django.utils import timezone

    from accounts.models import Account
    from accounts.telling import notices
    from notifications.models import Message
    from tokens.models import Token

    notices.tell(timezone.now() + AFTERWARDS)  # what happened to an account is mailed a while later
    dead = Token.objects.filter(app__channel=channel, state=Token.State.DEAD).count()
    off = Account.objects.filter(channel=channel, state=Account.State.DEACTIVATED).count()
    mails = Message.objects.exclude(recipient=OPERATOR).count()
    found = {"tokens dead": dead, "accounts deactivated": off, MAILED: mails}
    return [f"{count} {what}" for what, count in found.items() if count]


def states_of(channel: str) -> list[Any]:
    """Return how the app, the log-ins, the accounts and the pools of a channel stand."""
    from accounts.models import Account, AccountToken
    from tokens.models import ChannelApp, Token

    return [
        *ChannelApp.objects.filter(channel=channel).values_list("fault_since"),
        *Token.objects.filter(app__channel=channel).order_by("pk").values_list("state", "reason", "refresh_refused_at"),
        *Account.objects.filter(channel=channel).order_by("pk").values_list("state", "active_token", "restriction"),
        *AccountToken.objects.filter(token__app__channel=channel).order_by("pk").values_list("access", "can_publish"),
    ]  # fmt: skip


def ask_again(channel: str, at: datetime) -> None:
    """The channel's first good answer: a check when it is due again."""
    from accounts import sweeps
    from tokens import refreshing

    with refreshing.here():
        ids = [token_of(channel, name).pk for name in ("ada", "ben")]
        sweeps.check_these(token_ids=ids, now=at, source="sweep")


def leaks(bench: Bench) -> list[str]:
    """Return what is in the log or in the database and must not be."""
    from tokens.models import Token, TokenEvent, UnknownAnswer

    log = bench.log.getvalue()
    kept = [
        *Token.objects.values_list("evidence"),
        *TokenEvent.objects.values_list("detail"),
        *UnknownAnswer.objects.values_list("sample"),
    ]
    TokenEvent.objects.all().delete()
    secrets = [
        *bench.secrets,
        *(token.unseal().access_token for token in Token.objects.select_related("app")),
    ]
    found = [f"traceback: {log[log.index('Traceback') :][-600:]}"] if "Traceback" in log else []
    for where, text in (("the log", log), ("the database", json.dumps(kept, default=str))):
        found += [f"a secret in {where}" for secret in secrets if secret in text][:1]
    return found


@contextmanager
def opened(world: Sandbox) -> Iterator[Bench]:
    """Ada with many ad accounts and Ben with one at each channel, a job, and the process that refreshes in a thread."""
    from django.conf import settings

    from accounts import api_keys
    from accounts.models import ApiKey
    from tests.support.factories import make_user
    from tokens.refresh_lane import RefreshLane
    from users.models import Team

    settings.OPERATOR_EMAILS = [OPERATOR]
    log = io.StringIO()
    handler = logging.getLogger().handlers[0]
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(log)
    _link_all(world)
    make_user("emil@example.com", name="Emil")
    key = api_keys.issue(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    bench = Bench(world, key, log, [key, *(secret for _, secret in Sandbox.APPS.values())])
    bench.keep()
    lane = RefreshLane()
    thread = threading.Thread(target=lane.run)
    thread.start()
    try:
        yield bench
    finally:
        lane.stop()
        thread.join()


def _link_all(world: Sandbox) -> None:
    from django.test import Client

    from tests.support import native
    from tests.support.factories import make_user

    names = [f"Shop {number}" for number in range(MANY)]
    for person, linked in (("ada", names), ("ben", ["Harbor Coffee DE"])):
        client = Client()
        client.force_login(make_user(f"{person}@example.com", name=person.title()))
        for number, channel in enumerate(CHANNELS):
            for count, name in enumerate(names if person == "ada" else []):
                number_of = 770_000 + 100 * number + count
                native_id = str(UUID(int=number_of)) if channel == "snapchat" else str(number_of)
                world.put_account(channel, native_id, name=name)
                world.give_role(channel, native_id, "ada", "admin")
            native.link(client, channel, person, linked)

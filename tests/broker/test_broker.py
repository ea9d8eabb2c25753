"""The broker over HTTP, with the stand-in channels behind it: lease, report, shift, hold."""

import re
import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import httpx2
import pytest
from cryptography.fernet import Fernet
from django.core import signing
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.api_keys import services as api_keys
from accounts.models import Account, AccountToken, ApiKey, LeaseRecord
from accounts.pool import services as pool
from broker import Caller
from broker.leases import callers
from broker.leases import services as leases
from broker.reports import services as asked_lately
from tests.support import acting, native
from tests.support.ends import hours_pass
from tests.support.factories import link, make_account, make_team, make_token, make_user
from tests.support.sandbox import Sandbox
from tokens.channels.addresses import configured
from tokens.channels.kinds import Verdict
from tokens.checks import services as checks
from tokens.lifecycle import TransitionOutcome
from tokens.models import Token, TokenEvent
from users.installation import hold
from users.models import Team

pytestmark = pytest.mark.django_db

JSON = "application/json"


class Job:
    """A publishing job: knows its API key and the ad account, and nothing else of AdToken."""

    def __init__(self, key: str, channel: str, native_id: str) -> None:
        self.client = Client(headers={"authorization": f"Bearer {key}"})
        self.path = f"/api/v1/accounts/{channel}/{native_id}"

    def lease(self, **wanted: Any) -> Any:
        return self.client.post(f"{self.path}/lease", wanted, content_type=JSON)

    def report(self, lease_id: str, answer: httpx2.Response | tuple[int, Any]) -> Any:
        status, body = answer if isinstance(answer, tuple) else (answer.status_code, answer.json())
        path = f"/api/v1/leases/{lease_id}/report"
        return self.client.post(path, {"status": status, "body": body}, content_type=JSON)


@pytest.fixture(autouse=True)
def _no_key_is_known() -> None:
    callers._facts.clear()


@pytest.fixture
def key() -> str:
    return api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]


@pytest.fixture
def account(world: Sandbox) -> Account:
    """Lumen Shoes EU, linked by Ada (active) and Ben."""
    return native.linked("facebook", "ada", "ben")


@pytest.fixture
def job(key: str, account: Account) -> Job:
    return Job(key, account.channel, account.native_id)


@pytest.fixture
def shop() -> Account:
    """An account that Ada carries; no channel is behind it."""
    account, now = make_account(native_id="400123"), datetime.now(UTC)
    ada = make_user("ada@example.com", name="Ada")
    dates: dict[str, Any] = {"issued_at": now, "linked_at": now, "deadline": now + timedelta(days=60)}
    link(account, make_token(consented_by=ada, native_user_name="Ada Okafor", **dates))
    settle(account, "linked")
    return account


@pytest.fixture
def shops(key: str, shop: Account) -> Job:
    """The job that publishes for the shop."""
    return Job(key, shop.channel, shop.native_id)


def settle(account: Account, cause: str) -> None:
    with transaction.atomic():
        pool.settle(account_ids=[account.pk], cause=cause, now=datetime.now(UTC))


def publish(account: Account, lease: dict[str, Any]) -> httpx2.Response:
    """Create a campaign at the channel, merging the lease's `send` block blindly."""
    url = f"{configured('FACEBOOK_GRAPH_URL')}/{configured('FACEBOOK_VERSION')}/act_{account.native_id}/campaigns"
    return httpx2.post(
        url,
        params=lease["send"]["query"],
        headers=lease["send"]["headers"],
        data={
            "name": "Autumn",
            "objective": "OUTCOME_TRAFFIC",
            "status": "PAUSED",
            "special_ad_categories": "[]",
        },
        trust_env=False,
        verify=False,
    )


def test_the_ordinary_lease_is_one_read_and_one_row_of_the_record(
    shops: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold, "TRUSTED_FOR", 300.0)  # both are read once a second
    monkeypatch.setattr(callers, "FACTS_FOR", 300.0)
    shops.lease()  # the key is known now, and the use was noted

    with CaptureQueriesContext(connection) as queries:
        assert shops.lease().status_code == 200

    assert [query["sql"].split()[0] for query in queries] == ["select", "insert"]


def test_a_reported_death_is_confirmed_and_answered_with_the_next_token(
    job: Job, account: Account, world: Sandbox
) -> None:
    lease = job.lease().json()
    world.change_password("facebook", "ada")
    refused = publish(account, lease)

    told = job.report(lease["lease_id"], refused).json()

    assert (lease["native_user"], lease["signs"]) == ("Ada Okafor", False)
    assert (told["verdict"], told["action"]) == ("token_dead", "retry_with")
    assert told["lease"]["native_user"] == "Ben Lindqvist"
    assert publish(account, told["lease"]).status_code == 200
    account.refresh_from_db()
    shift = account.events.get(kind="shifted")
    assert (shift.cause, shift.source) == ("doubted", "report")
    assert shift.token_event is not None
    assert shift.token_event.detail["doubted"] == "password_changed"
    assert pool.differences() == []


def test_a_false_report_kills_nothing(job: Job, account: Account) -> None:
    lease = job.lease().json()
    lie = (400, {"error": {"code": 190, "error_subcode": 460, "message": "The password was changed."}})

    told = job.report(lease["lease_id"], lie).json()

    assert (told["verdict"], told["action"], told["reason"], told["lease"]) == ("ok", "none", None, None)
    assert "about the request itself" in told["detail"]
    assert TokenEvent.objects.filter(kind="disputed").exists()
    assert set(Token.objects.values_list("state", flat=True)) == {"valid"}


def test_a_job_that_is_refused_again_and_again_is_told_to_stop_and_costs_one_question(
    job: Job, account: Account, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = (
        403,
        {"error": {"code": 10, "message": "Application does not have permission for this action"}},
    )
    leases_taken = [job.lease().json()["lease_id"] for _ in range(4)]
    world.clear_calls()

    told = [job.report(leases_taken[0], refused).json()]
    asked = len(world.calls(channel="facebook"))
    told += [job.report(leases_taken[number % 4], refused).json() for number in range(19)]

    assert {(one["verdict"], one["action"], one["lease"]) for one in told} == {("ok", "none", None)}
    assert len(world.calls(channel="facebook")) == asked > 0
    assert LeaseRecord.objects.count() == len(leases_taken)
    claims = leases.open_lease(leases_taken[0], caller=_caller(), now=datetime.now(UTC), for_sending=False)
    in_a_minute = datetime.now(UTC) + timedelta(seconds=61)
    assert asked_lately.recall_answer(claims, Verdict.ACCESS_LOST, datetime.now(UTC))
    assert asked_lately.recall_answer(claims, Verdict.ACCESS_LOST, in_a_minute) is None

    monkeypatch.setattr(asked_lately, "FOUND_FOR", 0.001)
    told += [
        job.report(leases_taken[0], refused).json()
    ]  # when the minute is over the channel is asked again
    assert (told[-1]["action"], len(world.calls(channel="facebook"))) == ("none", 2 * asked)
    monkeypatch.undo()

    world.change_password("facebook", "ada")  # an end that is reported in the same minute is found
    found = job.report(leases_taken[0], publish(account, job.lease().json())).json()
    assert (found["verdict"], found["lease"]["native_user"]) == ("token_dead", "Ben Lindqvist")
    assert job.report(leases_taken[0], refused).json()["lease"]["native_user"] == "Ben Lindqvist"


def _caller() -> Caller:
    return Caller(key_id=ApiKey.objects.get().pk)


def test_a_refusal_of_our_app_that_a_report_leads_to_is_asked_again_when_the_job_comes_back_and_kills_nothing(
    job: Job, account: Account, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    lease = job.lease().json()
    refused = {
        "error": {"code": 3, "message": "Application does not have the capability to make this API call."}
    }
    world.add_fault("facebook", path=rf"/act_{account.native_id}$", status=400, body=refused)

    unsure = (400, {"error": {"code": 190, "message": "?"}})
    told = job.report(lease["lease_id"], unsure).json()
    asked = len(world.calls(channel="facebook"))

    assert (told["verdict"], told["action"]) == ("app_fault", "retry_later")
    assert set(Token.objects.values_list("state", flat=True)) == {"valid"}
    assert job.report(lease["lease_id"], unsure).json() == told
    assert len(world.calls(channel="facebook")) == asked
    monkeypatch.setattr(
        asked_lately, "UNDECIDED_FOR", 0.001
    )  # whoever comes back when told is told what holds then
    assert job.report(lease["lease_id"], unsure).json()["action"] == "retry_later"
    assert len(world.calls(channel="facebook")) > asked


def test_a_refusal_of_our_app_is_not_answered_with_the_very_token_that_met_it(
    key: str, world: Sandbox
) -> None:
    account = native.linked("facebook", "ada")
    only_read(account)  # no token is the account's active one
    job = Job(key, "facebook", account.native_id)
    lease = job.lease(purpose="read").json()
    refused = {
        "error": {"code": 3, "message": "Application does not have the capability to make this API call."}
    }
    world.add_fault("facebook", path=rf"/act_{account.native_id}$", status=400, body=refused)

    told = job.report(lease["lease_id"], (400, {"error": {"code": 190, "message": "?"}})).json()

    assert (told["verdict"], told["action"], told["lease"]) == ("app_fault", "retry_later", None)
    assert told["retry_after"] > 0


def only_read(account: Account) -> None:
    """Nobody of the account's pool may publish there."""
    AccountToken.objects.update(can_publish="no")
    settle(account, "publishing_lost")


def test_when_the_last_token_dies_the_job_is_told_to_hold_and_who_can_help(
    job: Job, account: Account, world: Sandbox
) -> None:
    for name in ("ada", "ben"):
        lease = job.lease().json()
        world.change_password("facebook", name)
        said = publish(account, lease)
        at_once = job.report(lease["lease_id"], said).json()["action"], job.lease().status_code
    hours_pass()
    told = job.report(lease["lease_id"], said).json()

    refused = job.lease()

    assert at_once == ("retry_later", 503)
    assert told["action"] == "hold"
    assert refused.status_code == 409
    assert refused["Content-Type"] == "application/problem+json"
    problem = refused.json()
    assert problem["reason"] == "password_changed"
    assert set(problem["who"]) == {"Ada", "Ben"}
    assert problem["steps"]
    assert re.fullmatch(r"2\d{3}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", problem["since"]), "as RFC 3339 has it"


def test_an_old_lease_is_answered_with_the_present_one(job: Job, account: Account, world: Sandbox) -> None:
    old = job.lease().json()
    world.change_password("facebook", "ada")
    job.report(old["lease_id"], publish(account, old))
    world.clear_calls()

    told = job.report(old["lease_id"], (400, {"error": {"code": 190}})).json()

    assert told["lease"]["native_user"] == "Ben Lindqvist"
    assert world.calls() == []


def test_a_channel_that_is_down_means_retry_later(job: Job, account: Account, world: Sandbox) -> None:
    lease = job.lease().json()
    world.add_fault("facebook", path="debug_token", status=503, body="<html>down</html>")

    told = job.report(lease["lease_id"], (400, {"error": {"code": 190, "error_subcode": 460}})).json()

    assert told["action"] == "retry_later"
    assert told["retry_after"] > 0
    assert set(Token.objects.values_list("state", flat=True)) == {"valid"}


def test_a_lost_role_shifts_this_account_only(job: Job, account: Account, world: Sandbox) -> None:
    lease = job.lease().json()
    world.drop_role("facebook", "Lumen Shoes EU", "ada")
    refused = publish(account, lease)

    told = job.report(lease["lease_id"], refused).json()

    assert told["lease"]["native_user"] == "Ben Lindqvist"
    assert set(Token.objects.values_list("state", flat=True)) == {"valid"}
    account.refresh_from_db()
    assert account.events.filter(kind="shifted", cause="doubted").exists()


def test_a_restricted_ad_account_is_held_and_no_token_is_touched(
    job: Job, account: Account, world: Sandbox
) -> None:
    lease = job.lease().json()
    world.set_account_status("facebook", "Lumen Shoes EU", account_status=3)
    refused = publish(account, lease)

    at_once = job.report(lease["lease_id"], refused).json()["action"]
    hours_pass()
    held = job.lease().json()

    account.refresh_from_db()
    assert (at_once, held["reason"]) == ("retry_later", "restricted")
    assert account.restriction == "unpaid bill"
    assert set(Token.objects.values_list("state", flat=True)) == {"valid"}


def test_a_bad_request_of_the_job_is_its_own(shops: Job) -> None:
    lease = shops.lease().json()

    told = shops.report(
        lease["lease_id"], (400, {"error": {"code": 100, "message": "Invalid parameter"}})
    ).json()

    assert (told["verdict"], told["action"]) == ("our_bug", "none")


def test_a_lease_of_another_key_a_forged_one_and_one_of_another_shape_are_not_found(shops: Job) -> None:
    lease = shops.lease().json()["lease_id"]
    other = api_keys.issue_key(name="other", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    parts = signing.loads(lease, salt=leases.SALT)
    shapes = ([leases.VERSION, *parts[1:7]], [*parts[:7], "steal"], [9, *parts[1:]])
    forged = ("A" if lease[0] != "A" else "B") + lease[1:]

    answers = [Job(other, "facebook", "400123").report(lease, (200, {}))]
    strange = [forged, *(signing.dumps(shape, salt=leases.SALT) for shape in shapes)]
    answers += [shops.report(one, (200, {})) for one in strange]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert shops.report(lease, (200, {})).status_code == 200


def test_a_key_leases_accounts_of_its_teams_and_with_the_scope_alone(key: str, shop: Account) -> None:
    other = api_keys.issue_key(name="other", scopes=list(ApiKey.Scope.values), teams=[make_team()])[1]
    reader = api_keys.issue_key(name="reader", scopes=["accounts:read"], teams=[Team.default()])[1]

    foreign, refused = (Job(one, "facebook", "400123").lease() for one in (other, reader))

    assert (foreign.status_code, refused.status_code) == (404, 403)
    assert "tokens:lease" in refused.json()["detail"]
    assert Job(key, "facebook", "act_400123").lease().status_code == 200, "the id as the channel writes it"


def test_unknown_addresses_accounts_and_channels_and_bad_queries_are_problems(key: str) -> None:
    client = Client(headers={"authorization": f"Bearer {key}"})
    unknown = [
        client.post(f"/api/v1/accounts/{path}/lease", {}, content_type=JSON)
        for path in ("facebook/act_x", "facebook/1", "myspace/1")
    ]
    unknown.append(client.get("/api/v1/nowhere"))
    queries = ["channel=%00", "channel=myspace", "team=a%00b", "state=%00", "state=gone"]
    queries += [
        "cursor=MWU5OTk",
        "cursor=LTE",
        "cursor=%C3%A9",
        f"cursor={'W1tb' * 4000}",
    ]  # 1e999, -1, é, [[[
    bad = [client.get(f"/api/v1/accounts?{query}") for query in queries]

    assert [answer.status_code for answer in unknown + bad] == [404] * 4 + [422] * 9
    assert {answer["Content-Type"] for answer in unknown + bad} == {"application/problem+json"}


def test_a_missing_or_wrong_key_is_refused_without_a_query() -> None:
    with CaptureQueriesContext(connection) as queries:
        answers = [
            Client(headers={"authorization": header} if header else {}).get("/api/v1/accounts")
            for header in ("", "Bearer nonsense", f"Bearer adt_{'0' * 56}")
        ]

    assert [answer.status_code for answer in answers] == [401] * 3
    assert len(queries) == 0


def test_a_revoked_key_stops_within_a_second(shops: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    shops.lease()
    ApiKey.objects.update(revoked_at=datetime.now(UTC))
    later = time.monotonic() + callers.FACTS_FOR + 0.01
    monkeypatch.setattr("broker.leases.callers.time", SimpleNamespace(monotonic=lambda: later))

    assert shops.lease().status_code == 401


def test_more_life_is_had_by_a_new_consent_or_by_nothing(shops: Job) -> None:
    assert shops.lease(min_valid_for=86_400 * 30).status_code == 200

    never = shops.lease(min_valid_for=86_400 * 90).json()
    Token.objects.update(access_expires_at=datetime.now(UTC) + timedelta(days=20))
    once = shops.lease(min_valid_for=86_400 * 30).json()

    assert (never["reason"], never["who"], never["steps"]) == ("min_valid_for", [], [])
    assert (never["title"], " seconds, so" in never["detail"]) == ("Not possible", True), never
    assert (once["reason"], once["who"], bool(once["steps"])) == ("min_valid_for", ["Ada"], True)
    assert once["title"] == "Only a person can help"


def test_an_expired_token_is_not_served_and_its_channel_is_left_to_the_sweep(
    job: Job, account: Account, world: Sandbox
) -> None:
    past = datetime.now(UTC) - timedelta(minutes=5)
    Token.objects.update(access_expires_at=past, deadline=past)
    world.clear_calls()

    response = job.lease()

    assert (response.status_code, response["Retry-After"]) == (503, "30")
    assert "being checked" in response.json()["detail"]
    assert world.calls(channel="facebook") == []


def test_a_reading_job_may_use_a_reader(key: str, account: Account, world: Sandbox) -> None:
    native.keep(make_user("chiara@example.com", name="Chiara"), "chiara")
    Token.objects.filter(native_user_name__in=["Ada Okafor", "Ben Lindqvist"]).update(
        state="dead", reason="expired"
    )
    settle(account, "expired")
    job = Job(key, "facebook", account.native_id)

    assert job.lease().status_code == 409
    assert job.lease(purpose="read").json()["native_user"] == "Chiara Rossi"


def test_a_report_of_a_reading_job_is_answered_for_reading(key: str, world: Sandbox) -> None:
    account = native.linked("facebook", "ada")
    world.give_role("facebook", "Lumen Shoes EU", "ada", "reader")
    only_read(account)
    job = Job(key, "facebook", account.native_id)
    lease = job.lease(purpose="read").json()

    told = job.report(lease["lease_id"], (400, {"error": {"code": 190, "message": "?"}})).json()

    assert job.lease().status_code == 409
    assert (told["verdict"], told["action"], told["lease"]) == ("ok", "none", None)


def test_a_reading_job_of_a_restricted_account_is_answered_for_reading_whatever_became_of_the_token(
    job: Job, world: Sandbox
) -> None:
    Account.objects.update(restriction="unpaid bill")
    lease = job.lease(purpose="read").json()
    unsure = (400, {"error": {"code": 190, "message": "?"}})

    Token.objects.filter(native_user_name="Ada Okafor").update(generation=2)
    renewed = job.report(lease["lease_id"], unsure).json()
    world.change_password("facebook", "ada")
    dead = job.report(renewed["lease"]["lease_id"], unsure).json()

    assert job.lease().json()["reason"] == "restricted"
    assert [told["action"] for told in (renewed, dead)] == ["retry_with"] * 2
    assert [told["lease"]["native_user"] for told in (renewed, dead)] == ["Ada Okafor", "Ben Lindqvist"]
    for told in (renewed, dead):
        assert signing.loads(told["lease"]["lease_id"], salt=leases.SALT)[-1] == "read"


def test_accounts_are_listed_and_read_without_secrets(key: str, shop: Account) -> None:
    link(shop, make_token(native_user_name="Ben Lindqvist"))
    client = Client(headers={"authorization": f"Bearer {key}"})

    listed = client.get("/api/v1/accounts").json()
    read = client.get(f"/api/v1/accounts/facebook/{shop.native_id}")

    assert [one["native_id"] for one in listed["accounts"]] == [shop.native_id]
    assert [entry["native_user"] for entry in read.json()["pool"]] == ["Ada Okafor", "Ben Lindqvist"]
    assert Sandbox.MARKER not in read.content.decode()


def test_credentials_that_do_not_open_are_the_operators_matter(shops: Job, settings: Any) -> None:
    assert shops.lease().status_code == 200, "what was opened before the key went is served no longer either"
    settings.FERNET_KEYS = [Fernet.generate_key().decode()]

    response = shops.lease()

    assert response.status_code == 503
    assert "FERNET_KEYS" in response.json()["detail"]
    assert set(Token.objects.values_list("state", flat=True)) == {"valid"}


@pytest.mark.parametrize("odd", ["a\0b", "a\ud800b"], ids=["nul", "half a character"])
def test_what_no_text_holds_is_no_error_of_ours(shops: Job, odd: str) -> None:
    def post(path: str, body: Any) -> int:
        return shops.client.post(f"/api/v1{path}", body, content_type=JSON).status_code

    lease_id = shops.lease().json()["lease_id"]
    said = [
        post("/leases", {"accounts": [{"channel": "facebook", "native_id": odd}]}),
        post("/leases", {"accounts": [{"channel": odd, "native_id": "1"}]}),
        post(f"/leases/{lease_id}/sign", {"method": "GET", "url": f"https://ads-api.x.com/12/{odd}"}),
        post(f"/leases/{lease_id}/sign", {"method": "GET", "url": "https://a", "params": {odd: odd}}),
        post("/accounts/facebook/a%00b/lease", {}),
        shops.client.get("/api/v1/accounts/facebook/a%00b").status_code,
    ]

    assert max(said) < 500, said


def test_a_disputed_report_is_kept_whatever_characters_it_holds(job: Job) -> None:
    odd = ["a\0b", "a\ud800b", float("nan"), {"a\0": "b"}]
    lie = (400, {"error": {"code": 190, "error_subcode": 460, "message": "changed", "more": odd}})

    told = job.report(job.lease().json()["lease_id"], lie)

    assert told.status_code == 200, told.content
    assert TokenEvent.objects.filter(kind="disputed").exists()


def test_a_restricted_account_is_held_as_such_also_while_its_tokens_are_checked(
    shops: Job, shop: Account
) -> None:
    Token.objects.update(state="cooling", reason="unknown")
    Account.objects.update(restriction="Disabled: policy")
    settle(shop, "unknown")

    problem = shops.lease()

    assert (problem.status_code, problem.json()["reason"]) == (409, "restricted")
    assert "tokens are being checked" in problem.json()["detail"]
    assert "fine" not in problem.json()["detail"]


def test_a_paused_account_is_held(shops: Job, shop: Account) -> None:
    acting.pause(account=shop, actor=make_user(), note="Christmas", now=datetime.now(UTC))

    response = shops.lease()

    assert response.status_code == 409
    assert response.json()["reason"] == "paused"


@pytest.mark.parametrize("min_valid_for", [0, 600])  # the log-in would serve as it is, or another one
def test_an_account_that_is_paused_while_its_renewal_is_waited_for_is_held(
    key: str, world: Sandbox, monkeypatch: pytest.MonkeyPatch, min_valid_for: int
) -> None:
    account, now = native.linked("snapchat", "ada", "ben"), datetime.now(UTC)
    assert account.active_token is not None
    Token.objects.update(access_expires_at=now + timedelta(hours=5))
    Token.objects.filter(pk=account.active_token.pk).update(access_expires_at=now + timedelta(minutes=1))

    def wait(token_id: int, _now: datetime, _patience: Any) -> TransitionOutcome:
        acting.pause(account=account, actor=make_user(), note="Christmas", now=now)
        return TransitionOutcome(Verdict.TRANSIENT, "valid", 1, stale=True, waits=True)

    monkeypatch.setattr(checks, "_wait_for_the_other", wait)

    response = Job(key, "snapchat", account.native_id).lease(min_valid_for=min_valid_for)

    assert response.status_code == 409, response.json()
    assert response.json()["reason"] == "paused"


@pytest.mark.parametrize("claimed_for", [0.3, 60])
def test_a_lease_that_comes_while_somebody_else_asks_is_to_come_again(
    key: str, world: Sandbox, monkeypatch: pytest.MonkeyPatch, claimed_for: float
) -> None:
    account = native.linked("snapchat", "ada")
    now = datetime.now(UTC)
    ends, held = now + timedelta(minutes=1), now + timedelta(seconds=claimed_for)
    Token.objects.update(access_expires_at=ends, claimed_until=held, claimed_by=1, renewed_at=None)
    monkeypatch.setattr(checks, "REFRESH_WAIT", 0.6)

    response = Job(key, "snapchat", account.native_id).lease(min_valid_for=600)

    assert (response.status_code, response.get("Retry-After")) == (503, "5"), response.json()

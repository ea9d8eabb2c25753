"""The proxy of the gate, with plain HTTP: what a vendor's client does not show."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from django.db import OperationalError

from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey, LeaseRecord
from broker.gate.proxy import exchange, reach
from broker.reports import services as reports
from tests.support import native
from tests.support.gate import credential, gate
from tests.support.sandbox import Sandbox
from tokens.channels import gate as channel_gate
from users.models import Team

pytestmark = pytest.mark.django_db(transaction=True)
LUMEN = "act_203847561029384"


class Job:
    """A job with a credential for Lumen Shoes EU at Facebook, which Ada and Ben serve."""

    def __init__(self, base: str, account: Account) -> None:
        self.account, self.base = account, f"{base}/facebook/v26.0"
        self.key, _ = api_keys.issue_key(name="job", scopes=[ApiKey.Scope.GATE], teams=[Team.default()])
        self.text = credential(account, self.key.pk)
        self.http = httpx2.Client(trust_env=False, timeout=60)

    def call(self, method: str, path: str, **how: Any) -> httpx2.Response:
        params = {"access_token": self.text, **how.pop("params", {})}
        return self.http.request(method, f"{self.base}/{path}", params=params, **how)


@pytest.fixture
def job(world: Sandbox) -> Iterator[Job]:
    account = native.linked("facebook", "ada", "ben")
    with gate() as base:
        made = Job(base, account)
        yield made
        made.http.close()


def test_a_read_goes_through_with_one_row_a_minute_of_the_record(job: Job) -> None:
    for _ in range(3):
        answer = job.call("GET", LUMEN, params={"fields": "name"})

    assert answer.json() == {"name": "Lumen Shoes EU", "id": LUMEN}
    assert (answer.headers["adtoken-attempts"], answer.headers["adtoken-person-changed"]) == ("1", "false")
    rows = LeaseRecord.objects.all()
    facts = ("request", job.account.pk, job.key.pk, f"GET /v26.0/{LUMEN}")
    assert {(row.kind, row.account_id, row.key_id, row.request) for row in rows} == {facts}
    minutes = [row.at.replace(second=0, microsecond=0) for row in rows]
    assert len(minutes) == len(set(minutes))  # a minute may end between two calls


def test_the_next_person_carries_on_inside_a_request_whose_log_in_died(job: Job, world: Sandbox) -> None:
    world.change_password("facebook", "ada")

    answer = job.call("GET", LUMEN, params={"fields": "name"})

    assert answer.json() == {"name": "Lumen Shoes EU", "id": LUMEN}
    assert (answer.headers["adtoken-attempts"], answer.headers["adtoken-person-changed"]) == ("2", "true")


def test_it_goes_on_so_often_and_then_gives_the_channels_answer(
    job: Job, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "REPEATS", 0)
    world.change_password("facebook", "ada")

    answer = job.call("GET", LUMEN, params={"fields": "name"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, 190)
    assert answer.headers["adtoken-attempts"] == "1"


CAMPAIGN = {
    "name": "Autumn",
    "objective": "OUTCOME_TRAFFIC",
    "status": "PAUSED",
    "special_ad_categories": "[]",
}


def test_a_write_that_the_dead_log_in_did_not_make_is_made_by_the_next_person_once(
    job: Job, world: Sandbox
) -> None:
    world.change_password("facebook", "ada")

    answer = job.call("POST", f"{LUMEN}/campaigns", data=CAMPAIGN)

    assert answer.status_code == 200
    assert answer.headers["adtoken-attempts"] == "2"
    assert [row["created_by"] for row in world.state()["campaigns"]] == ["ben"]


def test_a_write_without_an_answer_is_not_sent_again(
    job: Job, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reach, "WRITES", 1)
    world.add_fault("facebook", path="campaigns", method="POST", delay=60, late=True)

    answer = job.call("POST", f"{LUMEN}/campaigns", data=CAMPAIGN)

    assert (answer.status_code, answer.headers["adtoken-attempts"]) == (504, "1")
    assert "is not known" in answer.json()["error"]["message"]
    assert len(world.calls(path="campaigns")) == 1


def test_a_write_that_may_have_been_made_is_not_sent_again_by_the_next_person(
    job: Job, world: Sandbox
) -> None:
    world.change_password("facebook", "ada")
    dead = {"error": {"code": 190, "error_subcode": 460, "type": "OAuthException", "message": "Changed"}}
    world.add_fault("facebook", path="campaigns", method="POST", status=422, body=dead)

    answer = job.call("POST", f"{LUMEN}/campaigns", data=CAMPAIGN)

    assert (answer.status_code, answer.headers["adtoken-attempts"]) == (422, "1")
    assert len(world.calls(path="campaigns")) == 1


def test_no_token_is_in_answers_headers_or_log(
    job: Job, world: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    made = [job.call("POST", f"{LUMEN}/campaigns", data=CAMPAIGN).json()["id"] for _ in range(3)]
    world.change_password("facebook", "ada")

    page = job.call("GET", f"{LUMEN}/campaigns", params={"limit": 1})
    following = job.http.get(page.json()["paging"]["next"])

    assert page.json()["paging"]["next"].startswith(f"{job.base}/{LUMEN}/campaigns?")
    assert following.json()["data"][0]["id"] == made[1]
    for one in (page, following):
        assert Sandbox.MARKER not in one.text + str(one.headers)
    ours = [record.getMessage() for record in caplog.records if "_control" not in record.getMessage()]
    assert Sandbox.MARKER not in "".join(ours)


def test_many_at_once_carry_on_although_few_may_ask_the_channel(
    job: Job, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(channel_gate._share_limit, "all", 2)
    world.change_password("facebook", "ada")
    world.add_fault("facebook", path="debug_token", delay=0.3)

    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(lambda _: job.call("GET", LUMEN), range(8)))

    assert [one.status_code for one in said] == [200] * 8


def test_the_channels_answer_comes_where_a_report_or_what_is_kept_of_it_fails(
    job: Job, world: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(**_facts: Any) -> None:
        raise OperationalError("PostgreSQL is away")

    monkeypatch.setattr(reports, "take_answer", fail)
    made = job.call("POST", f"{LUMEN}/campaigns", data=CAMPAIGN)
    world.change_password("facebook", "ada")
    refused = job.call("GET", LUMEN)

    assert made.json()["id"] in [row["id"] for row in world.state()["campaigns"]]
    assert (refused.status_code, refused.json()["error"]["error_subcode"]) == (400, 460)


def test_plain_http_is_refused_where_the_installation_has_https_and_so_is_an_unknown_channel(
    job: Job, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    answer = job.call("GET", LUMEN)

    assert (answer.status_code, LeaseRecord.objects.count()) == (403, 0)
    assert "Plain HTTP is refused" in answer.json()["error"]["message"]
    nowhere = job.http.get(job.base.replace("facebook", "myspace"))
    assert (nowhere.status_code, "no such channel" in nowhere.json()["message"]) == (404, True)

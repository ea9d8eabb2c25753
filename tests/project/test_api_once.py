"""Each deed of people's work is done once for an Idempotency-Key, and each problem has a code that leads to its entry."""

import threading
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connections
from django.test import Client

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey, Job, LeaseRecord
from adtoken_project.api import once
from adtoken_project.api.application import api
from broker.api import errors
from broker.api.codes import Code
from broker.leases import callers
from broker.people import services as people
from tests.macros.support import lasting
from tests.support import jobs
from tests.support.factories import make_team, make_user
from users.models import LimitCount, Team

pytestmark = pytest.mark.django_db
JSON = "application/json"
PATH = "/api/v1/people/offboard"


@pytest.fixture
def team() -> Team:
    return make_team("Lumen")


@pytest.fixture
def system(team: Team) -> Iterator[Client]:
    """The system of personnel, with a key of a superuser's."""
    callers._facts.clear()
    boss = make_user("boss@example.com", is_staff=True, is_superuser=True)
    client = jobs.system(boss, team, Team.default())
    client.raise_request_exception = False
    yield client
    callers._facts.clear()


def offboard(client: Client, email: str, key: str) -> Any:
    return client.post(PATH, {"email": email}, content_type=JSON, headers={"idempotency-key": key})


def code_of(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_the_same_call_is_answered_as_at_first_and_nothing_is_done_again(
    system: Client, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user("mara@example.com", team=team)

    first = offboard(system, "mara@example.com", "a")
    monkeypatch.setattr(people, "offboard", None)  # whoever calls it crashes
    again = offboard(system, "mara@example.com", "a")

    assert (first.status_code, again.status_code, Job.objects.count()) == (202, 202, 1)
    assert (again.content, again["Location"]) == (first.content, first["Location"])
    assert ("Idempotent-Replayed" in first, again["Idempotent-Replayed"]) == (False, "true")
    assert offboard(system, "mara@example.com", "b").status_code == 500


def test_another_call_with_the_same_key_is_refused_and_another_api_key_has_keys_of_its_own(
    system: Client, team: Team
) -> None:
    make_user("mara@example.com", team=team)
    make_user("lea@example.com", team=team)
    _, secret = api_keys.issue_key(name="Other", scopes=[ApiKey.Scope.OFFBOARD], teams=[team])
    offboard(system, "mara@example.com", "a")

    other = offboard(system, "lea@example.com", "a")
    foreign = Client(headers={"authorization": f"Bearer {secret}"})

    assert code_of(other) == (422, "idempotency_key_reused")
    assert code_of(offboard(foreign, "lea@example.com", "a")) == (409, "not_possible")  # nobody made this key
    assert Job.objects.count() == 1


def test_a_refusal_is_not_kept(system: Client, team: Team) -> None:
    assert code_of(offboard(system, "mara@example.com", "a")) == (404, "not_found")
    make_user("mara@example.com", team=team)

    assert offboard(system, "mara@example.com", "a").status_code == 202
    assert code_of(offboard(system, "lea@example.com", "")) == (422, "not_valid")


@pytest.mark.django_db(transaction=True)
def test_while_the_first_still_runs_the_second_is_told_to_wait(
    system: Client, team: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_user("mara@example.com", team=team)
    began, may_end = threading.Event(), threading.Event()
    really = people.offboard

    def slowly(**facts: Any) -> Any:
        began.set()
        assert may_end.wait(60)
        return really(**facts)

    def call() -> None:
        answers.append(offboard(system, "mara@example.com", "a").status_code)
        connections.close_all()

    monkeypatch.setattr(people, "offboard", slowly)
    answers: list[int] = []
    first = threading.Thread(target=call)
    first.start()
    assert began.wait(60)

    second = offboard(system, "mara@example.com", "a")
    may_end.set()
    first.join(60)

    assert (code_of(second), second["Retry-After"], answers) == ((409, "still_running"), "2", [202])


def test_what_is_kept_is_sealed_and_a_lease_is_kept_nowhere(system: Client, team: Team) -> None:
    make_user("mara@example.com", team=team)
    account = lasting()
    path = f"/api/v1/accounts/facebook/{account.native_id}/lease"

    url = offboard(system, "mara@example.com", "a").json()["url"]
    kept = [str(value) for value in LimitCount.objects.values_list("value", flat=True)]
    leases = {
        system.post(path, {}, content_type=JSON, headers={"idempotency-key": "b"}).status_code
        for _ in range(2)
    }

    assert ([url in one for one in kept], LimitCount.objects.count()) == ([False], 1)
    assert (leases, LeaseRecord.objects.count()) == ({200}, 2)


def test_what_was_kept_is_forgotten_after_a_day(system: Client, team: Team) -> None:
    make_user("mara@example.com", team=team)
    offboard(system, "mara@example.com", "a")

    LimitCount.objects.update(ends_at=0)

    assert "Idempotent-Replayed" not in offboard(system, "mara@example.com", "a")
    assert once.KEPT_FOR == 24 * 3600
    assert cache.get("once") is None


# ---- codes


def test_every_code_has_a_title_a_meaning_and_an_entry_to_which_its_type_leads() -> None:
    for code in Code:
        made = errors.problem(code, "what happened")
        entry = Client().get(made.type).json()
        assert entry == {"code": code, "status": code.status, "title": made.title, "meaning": code.meaning}
        assert (made.code, made.status) == (code, code.status)
    assert Client().get("/api/v1/problems/nothing").status_code == 404


def test_every_code_is_named_by_the_operations_that_answer_it_and_in_the_documentation(settings: Any) -> None:
    schema = api.get_openapi_schema()
    page = (settings.BASE_DIR / "docs/api.md").read_text(encoding="utf-8")
    said = [
        answer["description"]
        for methods in schema["paths"].values()
        for operation in methods.values()
        for status, answer in operation["responses"].items()
        if int(status) >= 400
    ]

    missing = [code for code in Code if not any(f"`{code}`" in one for one in said)]

    assert missing == [Code.REFUSED]  # for what nobody has thought of
    assert schema["components"]["schemas"]["ProblemCode"]["enum"] == list(Code)
    assert [code for code in Code if f"`{code}`" not in page] == []

"""`manage.py classify`: one line in, one line out, whatever comes; it needs no database."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from hypothesis import given
from hypothesis import strategies as st

from tests.support.factories import NOW, make_app, make_user
from tests.support.sandbox import ROOT
from tokens import unknown_answers
from tokens.channels import registry, unknown
from tokens.channels.kinds import Answer, Verdict
from tokens.classifying import CALLS, BadLine, classify_line

DEAD = {"error": {"code": 190, "error_subcode": 460, "message": "changed"}}


def line(**fields: Any) -> str:
    return json.dumps({"channel": "facebook", "call": "api", "status": 400, **fields})


def run(text: str, *arguments: str, **env: str) -> tuple[list[dict[str, Any]], int, str]:
    """Run the command as an operator does, with a database that is not there; `env` alone where it is given."""
    done = subprocess.run(
        [sys.executable, "manage.py", "classify", *arguments],
        input=text.encode(errors="surrogateescape"),
        capture_output=True,
        cwd=ROOT,
        env=env or {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/none"},
        timeout=60,
        check=False,
    )
    return [json.loads(one) for one in done.stdout.splitlines()], done.returncode, done.stderr.decode()


def test_each_line_is_answered_in_order_in_a_bare_checkout() -> None:
    lines = ["\ufeff" + line(body=DEAD), "", line(status=429) + "\r", line(status=402)]

    said, status, told = run("\n".join(lines), LANG="C")

    assert said == [
        {"verdict": "token_dead", "reason": "password_changed", "row": "password changed"},
        {"verdict": "rate_limited", "reason": "transient", "row": "too many requests"},
        {"verdict": "app_fault", "reason": "app_fault", "row": "payment required"},
    ]
    assert (status, told) == (0, "")


def test_bad_lines_are_named_by_their_number_and_stop_nothing() -> None:
    bad = [line(channel="mars"), line(call="x"), line(channel="\ud800")]
    text = "\n".join(["nonsense", line(status=503, boddy=1), "", "\udcff\udcfe", *bad])

    said, status, told = run(text)

    assert [one.get("line") for one in said] == [1, None, 4, 5, 6, 7]
    assert said[1]["verdict"] == "transient"
    assert "facebook" in said[3]["error"]
    assert "introspect" in said[4]["error"]
    assert status == 1
    assert "Line 2: 'boddy' not read" in told
    assert "database cannot be reached" in told


def test_whoever_has_read_enough_may_close_the_pipe() -> None:
    done = subprocess.run(
        f"yes '{line(status=429)}' | head -30000 | {sys.executable} manage.py classify --no-staff | head -1",
        shell=True, capture_output=True, cwd=ROOT, timeout=60, check=False,
    )  # fmt: skip

    assert json.loads(done.stdout)["verdict"] == "rate_limited"
    assert b"Traceback" not in done.stderr


def test_asking_for_what_staff_said_says_so_where_there_is_no_database() -> None:
    said, status, told = run(line(), "--staff")

    assert said == []
    assert status == 1
    assert "Leave --staff out" in told


@pytest.mark.parametrize("body", [DEAD, json.dumps(DEAD)])
def test_a_body_may_be_json_or_text(body: Any) -> None:
    assert classify_line(line(body=body))["reason"] == "password_changed"


def test_names_of_headers_are_read_in_any_case() -> None:
    usage = json.dumps({"1": [{"estimated_time_to_regain_access": 7}]})

    for name in ("X-Business-Use-Case-Usage", "x-business-use-case-usage"):
        assert classify_line(line(status=400, headers={name: usage}, body={"error": {"code": 17}})) == {
            "verdict": "rate_limited",
            "reason": "transient",
            "row": "app limit",
        }


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[]", "Write an object"),
        ('{"channel": "facebook"}', "call, status missing"),
        ("[" * 100_000, "too deep"),
        (line(status="400"), "HTTP status"),
        (line(status=True), "HTTP status"),
        (line(status=-1), "HTTP status"),
        (line(headers=[1]), "headers"),
        (line(channel=["x"]), "no channel"),
        (line(call=None), "no call"),
        (line(call=["api"]), "no call"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(text: str, says: str) -> None:
    with pytest.raises(BadLine, match=says):
        classify_line(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@given(
    channel=st.sampled_from(sorted(registry.CHANNELS)),
    call=st.sampled_from(CALLS),
    status=st.integers(0, 999),
    body=JSON,
    headers=st.none() | st.dictionaries(st.text(max_size=20), JSON, max_size=3),
)
def test_every_well_formed_line_of_every_channel_gets_a_verdict(
    channel: str, call: str, status: int, body: Any, headers: Any
) -> None:
    said = classify_line(
        json.dumps({"channel": channel, "call": call, "status": status, "body": body, "headers": headers})
    )

    assert said["verdict"] in set(Verdict)
    assert isinstance(said["row"], str)


@pytest.mark.parametrize(
    "body",
    ["9" * 5000, "NaN", "[" * 900 + "]" * 900, '"\\ud800\\u0000"', json.dumps("[" * 100_000), '"' + "x" * 1_000_000 + '"'],
    ids=["a long number", "no number", "deep", "not storable", "deep text", "long"],
)  # fmt: skip
def test_a_strange_body_gets_its_verdict_too(body: str) -> None:
    said = classify_line(f'{{"channel": "facebook", "call": "api", "status": 400, "body": {body}}}')

    assert said == {"verdict": "confirm_first", "reason": None, "row": "unknown answer 400"}


@given(text=st.text(max_size=60) | JSON.map(json.dumps))
def test_no_line_at_all_breaks_it(text: str) -> None:
    with pytest.raises(BadLine):
        classify_line(f"{text} ")


@pytest.fixture
def _nothing_said() -> Iterator[None]:
    yield
    unknown.assign({})
    unknown_answers._learned_at = None


@pytest.mark.django_db
@pytest.mark.usefixtures("_nothing_said")
def test_what_staff_said_is_heeded_where_the_database_can_be_reached(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = line(body={"error": {"code": 987654, "message": "odd"}})
    first = classify_line(odd)
    classification = registry.get("facebook").classify(Answer("api", 400, body=json.loads(odd)["body"]))
    app = make_app("facebook")
    unknown_answers.keep(app, classification, {"call": "api", "status": 400}, token_id=None, now=NOW)
    row = app.unknown_answers.get()
    unknown_answers.assign(answer=row, verdict=Verdict.OUR_BUG, note="", actor=make_user(), now=NOW)
    stdin = io.TextIOWrapper(io.BytesIO(odd.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)

    call_command("classify")

    assert first["verdict"] == "confirm_first"
    assert json.loads(capsys.readouterr().out) == {"verdict": "our_bug", "reason": None, "row": "staff"}


def test_the_examples_of_the_handbook_are_true() -> None:
    text = (ROOT / "docs" / "answers.md").read_text()
    lines = [one for one in text.splitlines() if one.startswith('{"channel"')]
    promised = [json.loads(one) for one in text.splitlines() if one.startswith('{"verdict"')]

    assert {json.loads(one)["channel"] for one in lines} == set(registry.CHANNELS)
    assert [classify_line(one) for one in lines] == promised

"""Lines of the log: one per request of the API, in UTC, with the ids that put them together, without secrets, as text or as JSON."""

import io
import json
import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.api_keys import services as api_keys
from accounts.models import ApiKey
from adtoken_project.celery import app
from adtoken_project.telemetry import logs, request_ids
from infra.scrub import LogFilter
from tests.support.factories import link, make_account, make_token
from tokens.channels import brake, gate
from users.models import Team

pytestmark = pytest.mark.django_db

SECRET = "EAABsbCS1iHgBO1234567890abcdefghij"


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What our handlers write in JSON, wherever the line comes from."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.formatter("json"))
    handler.addFilter(LogFilter())
    logging.getLogger().addHandler(handler)
    yield stream
    logging.getLogger().removeHandler(handler)


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_lease_is_one_line_with_key_status_duration_and_id_and_without_what_was_handed_out(
    written: io.StringIO,
) -> None:
    account = make_account()
    link(account, make_token(), can_publish="yes")
    key, text = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])

    answer = Client().post(
        f"/api/v1/accounts/facebook/{account.native_id}/lease",
        {},
        content_type="application/json",
        headers={"authorization": f"Bearer {text}", "x-request-id": "nightly-run-4711"},
    )

    assert answer.status_code == 200
    (line,) = [line for line in lines(written) if line["logger"] == "adtoken_project.api.middleware"]
    assert (line["level"], line["status"], line["method"], line["key_id"]) == ("INFO", 200, "POST", key.pk)
    assert line["path"] == f"/api/v1/accounts/facebook/{account.native_id}/lease"
    assert line["request_id"] == answer["X-Request-ID"] == "nightly-run-4711"
    assert 0 < line["duration_ms"] < 60_000
    handed_out = answer.json()
    for secret in (text, handed_out["lease_id"], handed_out["send"]["headers"]["Authorization"].split()[1]):
        assert secret not in written.getvalue()


def test_a_job_that_a_dark_channel_puts_off_is_an_ordinary_line_and_no_error(written: io.StringIO) -> None:
    account, over = make_account(), timezone.now() - timedelta(hours=1)
    token = make_token(access_expires_at=over, dates_source={"access": "provider"})
    link(account, token, can_publish="yes")
    text = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    for _ in range(brake.TRIPS_AFTER):
        brake.failed(gate.name_of("facebook", token.app.client_id), waited=10)

    answer = Client().post(
        f"/api/v1/accounts/facebook/{account.native_id}/lease",
        {},
        content_type="application/json",
        headers={"authorization": f"Bearer {text}"},
    )

    assert answer.status_code == 503
    assert {(line["level"], line.get("status")) for line in lines(written)} == {("INFO", 503)}


@pytest.mark.parametrize(
    "sent", ["", "x" * 65, "a b", "line\nbreak: yes", "%0d%0aSet-Cookie", "ütf-8-and-more", SECRET, "short"]
)
def test_an_id_that_is_too_long_strange_or_a_token_is_replaced(sent: str) -> None:
    assert request_ids.accepted(sent) == ""


@pytest.mark.parametrize(
    "sent", ["0f8fad5b-d9cb-469f-a165-70867728950e", "d3c1f5f7a2b84c0e9f6a7b8c9d0e1f2a", "job.77_a"]
)
def test_ids_as_proxies_make_them_are_kept(sent: str) -> None:
    assert request_ids.accepted(sent) == sent


def test_every_answer_has_an_id_of_its_own_also_one_that_nobody_sent() -> None:
    client = Client()

    first, second, page = client.get("/livez"), client.get("/livez"), client.get("/nowhere/")

    ids = {answer["X-Request-ID"] for answer in (first, second, page)}
    assert len(ids) == 3
    assert all(request_ids.accepted(one) for one in ids)
    assert logs.request_id.get() == ""


def test_no_field_of_a_json_line_holds_a_secret(written: io.StringIO) -> None:
    logger = logging.getLogger("anybody.elses")
    try:
        raise ValueError(f"refused access_token={SECRET}")
    except ValueError:
        logger.exception("with %s", SECRET, extra={"facts": {"path": f"/x?token={SECRET}", "status": 7}})
    logger.warning("plain\nlines %s", {"refresh_token": "shorty-but-named"}, stack_info=True)

    first, second = lines(written)

    assert SECRET not in written.getvalue()
    assert "shorty-but-named" not in written.getvalue()
    assert "ValueError: refused" in first["exception"]
    assert first["status"] == 7
    assert "\n" in second["message"]
    assert "stack" in second


def test_a_path_with_a_line_break_forges_no_line_and_a_traceback_keeps_its_own() -> None:
    forged = "/api/x\n2026-11-27T10:00:00.000Z INFO API: GET /x answered 200\r\x1b[2J\u2028é\t"
    record = logging.LogRecord("api", logging.INFO, "", 1, "GET %s answered 404", (forged,), None)
    record.exc_text = "Traceback\n  two lines"

    first, *others = logs.formatter("text").format(record).splitlines()

    assert first.endswith(
        "GET /api/x\\n2026-11-27T10:00:00.000Z INFO API: GET /x answered 200\\r\\x1b[2J\\u2028é\t answered 404"
    )
    assert others == ["Traceback", "  two lines"]


def test_the_time_of_a_line_is_utc(written: io.StringIO) -> None:
    logging.getLogger("a").warning("now")

    at = datetime.fromisoformat(lines(written)[0]["time"])
    assert at.utcoffset() == timedelta(0)
    assert abs(timezone.now() - at) < timedelta(minutes=1)


def test_what_a_request_asks_a_worker_to_do_carries_its_id_and_that_of_the_task(written: io.StringIO) -> None:
    seen: list[str] = []

    @app.task(name="tests.says")
    def says() -> None:
        seen.append(logs.request_id.get())
        logging.getLogger("tests.says").warning("said")

    headers: dict[str, Any] = {}
    mark = logs.request_id.set("asked-by-page")
    request_ids._carry(headers=headers)
    logs.request_id.reset(mark)
    says.apply(headers=headers, task_id="task-1")

    assert seen == ["asked-by-page"]
    (line,) = [line for line in lines(written) if line["logger"] == "tests.says"]
    assert (line["request_id"], line["task"], line["task_id"]) == ("asked-by-page", "tests.says", "task-1")
    assert (logs.request_id.get(), logs.task.get()) == ("", {})


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "adtoken_project.settings", **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


# One process is started as all are, and then reads its settings again with other variables, as its start does.
SAYS = """
import django, importlib, json, logging, os, sys
django.setup()
from django.core.exceptions import ImproperlyConfigured
from django.utils.log import configure_logging
from adtoken_project import settings

for variables in json.loads(os.environ["VARIABLES"]):
    print(variables, file=sys.stderr)
    os.environ.update({"LOG_LEVEL": "", "LOG_FORMAT": ""} | variables)
    try:
        importlib.reload(settings)
    except ImproperlyConfigured as error:
        print(error, file=sys.stderr)
        continue
    configure_logging("logging.config.dictConfig", settings.LOGGING)
    say = logging.getLogger
    if "LOG_FORMAT" in variables:
        say("x").warning("password=%s", "hunter2")
        say("celery").error("both")
        continue
    say("celery.beat").info("sent")
    say("celery.app.trace").info("ended well")
    say("celery.app.trace").error("failed")
    say("x").info("said")
    say("django.server").info("served")
    say().setLevel("INFO")  # as beat --loglevel INFO does
    say("x").info("beat said")
"""


@pytest.fixture(scope="module")
def said() -> dict[str, list[str]]:
    """The lines that are written where LOG_LEVEL or LOG_FORMAT is this word."""
    variables = [{"LOG_LEVEL": word} for word in ("info", "debug", "error")]
    variables += [{"LOG_FORMAT": word} for word in ("json", "yaml")]
    ran = run(SAYS, VARIABLES=json.dumps(variables))
    assert ran.returncode == 0, ran.stderr
    found: dict[str, list[str]] = {}
    for line in ran.stderr.splitlines():
        if line.startswith("{'LOG_"):
            found[line.split("'")[3]] = []
        else:
            list(found.values())[-1].append(line)
    return found


def test_the_setting_chooses_json_for_all_lines_and_another_word_is_refused(
    said: dict[str, list[str]],
) -> None:
    good = [json.loads(line) for line in said["json"]]

    assert [(line["logger"], line["message"]) for line in good] == [
        ("x", "password=[hidden]"),
        ("celery", "both"),
    ]
    assert "LOG_FORMAT must be one of text, json, not 'yaml'" in said["yaml"][0]


def test_lines_that_say_every_few_seconds_that_nothing_is_wrong_are_written_for_debugging_alone(
    said: dict[str, list[str]],
) -> None:
    last_words = {level: [line.split()[-1] for line in said[level]] for level in ("info", "debug", "error")}

    assert last_words == {
        "info": ["failed", "said", "served", "said"],
        "debug": ["sent", "well", "failed", "said", "served", "said"],
        "error": ["failed"],
    }


def test_lines_of_gunicorn_look_like_all_others() -> None:
    code = (
        "from gunicorn.config import Config; from adtoken_project.telemetry.access_log import ServerLogger;"
        "cfg = Config(); cfg.set('errorlog', '-'); log = ServerLogger(cfg);"
        "log.info('Booting %s', 7); log.info('GET /x?access_token=abcdefghij1234567890')"
    )

    ran = run(code, LOG_FORMAT="json", TZ="Asia/Tokyo")

    boot, more = map(json.loads, ran.stderr.splitlines())
    assert (boot["logger"], boot["message"]) == ("gunicorn.error", "Booting 7")
    assert boot["time"].endswith("Z")
    assert more["message"] == "GET /x?access_token=[hidden]"

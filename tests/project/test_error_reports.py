"""What leaves for Sentry: what broke and where, and no secret, whichever way it took into a report."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from pytest_django import Settings

from adtoken_project import apps

SECRETS = {
    "TOKEN": "EAABsbCS1iHgBO1234567890abcdefghij",
    "OPAQUE": "b1946ac92492d2347c6235b4d2611184a8c0e7f1",
    "KEY": "adt_0f3a9c5e7b1d28460f3a9c5e7b1d2846",
    "SESSION": "s3ss10n1d0000aaaa1111bbbb2222cccc",
    "BODY": "only-the-body-holds-this-1",
    "PERSON": "grace.hopper@example.com",
}

COMMIT = "5f0c3d1be0a94b7d8c6e2f1a3b4c5d6e7f809112"  # how many name a release; it looks like a secret

# A process of its own, because the SDK patches Django, Celery and logging for good.
PROGRAM = """
import json, logging, os, sys, types
import django
from django.conf import settings
from django.http import HttpResponse
from django.urls import re_path

secret = {name: os.environ["SAMPLE_" + name] for name in json.loads(os.environ["SAMPLES"])}
settings.SENTRY_DSN = "http://public@127.0.0.1:1/1"
settings.RELEASE = os.environ["RELEASE_WITH_A_COMMIT"]
settings.ROOT_URLCONF = "breaks"

import sentry_sdk
from sentry_sdk.transport import Transport

class Kept(Transport):
    reports = []
    def capture_envelope(self, envelope):
        self.reports += [item.payload.json for item in envelope.items if item.payload.json]

from adtoken_project.telemetry import error_reports
start = error_reports.start_error_reports
error_reports.start_error_reports = lambda: start(transport=Kept)

def breaks(request, **rest):
    held = secret["TOKEN"]
    request.user = types.SimpleNamespace(pk=7, email=secret["PERSON"], is_authenticated=True)
    request.read()
    logging.getLogger("x").warning("before: access_token=%s", held)
    raise ValueError(f"refused {held} and {secret['OPAQUE']}") from KeyError(secret["KEY"])

breaks.csrf_exempt = True
module = types.ModuleType("breaks")
module.handler500 = lambda request: HttpResponse(status=500)
sys.modules["breaks"] = module
django.setup()
from adtoken_project import urls
module.urlpatterns = [re_path("^(?:somewhere/|api/v1/leases/.+/breaks)$", breaks), *urls.urlpatterns]

from users.installation import hold
hold.trust(seconds=600)
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory
from adtoken_project.celery import app
@app.task(name="tests.breaks")
def task(first, named): raise RuntimeError("in a task: " + first)

def all_break():
    Kept.reports = []
    serve, answered = WSGIHandler(), []
    for path in ("/somewhere/", "/api/v1/leases/" + secret["OPAQUE"] + "/breaks"):
        request = RequestFactory().post(
            path + "?access_token=" + secret["TOKEN"], json.dumps({"anything": secret["BODY"]}), content_type="application/json",
            secure=True, headers={"Authorization": "Bearer " + secret["KEY"], "Cookie": "other=" + secret["SESSION"]},
        )
        list(serve(request.environ, lambda status, headers, *rest: answered.append(status[:3])))
    assert answered == ["500", "500"], answered

    task.apply(args=[secret["TOKEN"]], kwargs={"named": secret["BODY"]})

    logging.getLogger("y").error("logged %s", secret["TOKEN"], extra={"body": secret["BODY"]})
    sentry_sdk.set_tag("note", secret["TOKEN"])
    sentry_sdk.set_context("our own", {"refresh_token": secret["BODY"], "deep": [{"a": [secret["OPAQUE"]]}]})
    sentry_sdk.add_breadcrumb(message="GET https://graph.test/me?access_token=" + secret["TOKEN"], data={"body": secret["BODY"]})
    sentry_sdk.capture_message("asked by hand " + secret["OPAQUE"])
    sentry_sdk.flush()
    return Kept.reports

filtered = all_break()
start(transport=Kept, **json.loads(os.environ["LOOSE"]))
print(json.dumps([filtered, all_break()]))
"""


LOOSE = {
    "before_send": None,
    "before_breadcrumb": None,
    "include_local_variables": True,
    "send_default_pii": True,
    "max_request_body_size": "always",
}


@pytest.fixture(scope="module")
def reports() -> list[list[dict[str, Any]]]:
    """What leaves as we have it, and what leaves of the same without our filter."""
    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={
            **os.environ,
            **{f"SAMPLE_{name}": value for name, value in SECRETS.items()},
            "SAMPLES": json.dumps(list(SECRETS)),
            "RELEASE_WITH_A_COMMIT": COMMIT,
            "LOOSE": json.dumps(LOOSE),
            "DJANGO_SETTINGS_MODULE": "adtoken_project.settings",
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr[-3000:]
    found: list[list[dict[str, Any]]] = json.loads(ran.stdout.splitlines()[-1])
    return found


def test_no_secret_leaves_and_what_broke_does(reports: list[list[dict[str, Any]]]) -> None:
    found = reports[0]

    text = json.dumps(found)
    assert [name for name, secret in SECRETS.items() if secret in text] == []
    broken = [report["exception"]["values"][-1] for report in found if "exception" in report]
    assert [(one["type"], one["stacktrace"]["frames"][-1]["function"]) for one in broken] == [
        ("ValueError", "breaks"),
        ("ValueError", "breaks"),
        ("RuntimeError", "task"),
    ]
    assert broken[0]["value"] == "refused [hidden] and [hidden]"
    assert all(len(report["event_id"]) == 32 for report in found)
    assert {report["release"] for report in found} == {COMMIT}
    assert "before: access_token=[hidden]" in text
    urls = [report["request"]["url"] for report in found if "url" in report.get("request", {})]
    assert urls == ["https://testserver/somewhere/", "https://testserver/api/v1/leases/[hidden]/breaks"]


def test_without_our_filter_they_would_leave(reports: list[list[dict[str, Any]]]) -> None:
    text = json.dumps(reports[1])

    assert {name for name, secret in SECRETS.items() if secret in text} >= {
        "TOKEN",
        "OPAQUE",
        "KEY",
        "BODY",
        "SESSION",
    }


def test_without_the_setting_nothing_is_started_and_without_the_package_it_is_refused(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    settings.SENTRY_DSN = ""
    apps.start_error_reports()
    settings.SENTRY_DSN = "http://public@127.0.0.1:1/1"

    with pytest.raises(ImproperlyConfigured, match="pip install sentry-sdk"):
        apps.start_error_reports()

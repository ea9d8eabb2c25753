"""What leaves in traces: who asked whom for what and how it ended, over all processes, and nothing that went through our hands."""

import logging
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection, connections
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_django import Settings

from accounts.api_keys import services as api_keys
from accounts.models import Account, ApiKey
from adtoken_project import apps
from adtoken_project.telemetry import logs, traces
from infra import spans
from tests.support import native, processes
from tests.support.factories import make_user
from tests.support.sandbox import Sandbox
from tokens.models import Token
from users.models import Team

TOKEN = "EAABsbCS1iHgBO1234567890abcdefghij"
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Collector:
    """What a collector was sent."""

    address: str = ""
    bodies: list[bytes] = field(default_factory=list)

    def spans(self) -> list[dict[str, Any]]:
        """Return all spans: name, ids in hex, facts, and which process made them."""
        found = []
        for body in list(self.bodies):
            request = ExportTraceServiceRequest.FromString(body)
            for resource in request.resource_spans:
                what = _facts(resource.resource.attributes)
                found += [
                    {
                        "name": span.name,
                        "trace": span.trace_id.hex(),
                        "id": span.span_id.hex(),
                        "parent": span.parent_span_id.hex(),
                        "process": what["service.instance.id"],
                        "version": what["service.version"],
                        "failed": span.status.code == 2,
                        **_facts(span.attributes),
                    }
                    for scope in resource.scope_spans
                    for span in scope.spans
                ]
        return found

    def named(self, name: str) -> list[dict[str, Any]]:
        return [span for span in self.spans() if span["name"] == name]


def _facts(attributes: Any) -> dict[str, Any]:
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in attributes}


@pytest.fixture
def collector() -> Iterator[Collector]:
    """A server that takes OTLP over HTTP, as a collector does."""
    found = Collector()

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/v1/traces" else 404)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *words: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Taking)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    found.address = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def traced(collector: Collector, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """This process and those that it starts send their spans to the collector."""
    for name, value in {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.address,
        "OTEL_BSP_SCHEDULE_DELAY": "100",
        "OTEL_RESOURCE_ATTRIBUTES": f"deployment.environment.name=test,note=access_token={TOKEN}",
    }.items():
        monkeypatch.setenv(name, value)
    settings.TRACES = True
    provider = traces.start_traces()
    connections.close_all()
    close_pool()
    yield collector
    connections.close_all()
    close_pool()
    traces.stop(provider)


def close_pool() -> None:
    """Have connections made anew, which is when they are traced."""
    database: Any = connection
    database.close_pool()


def press_check_now(staff: Client, token: Token, account: Account) -> None:
    answer = staff.post(reverse("admin:accounts_account_token_check", args=[account.pk, token.pk]))
    assert answer.status_code == 302, answer.content.decode()[:2000]


@pytest.mark.django_db(transaction=True)
@pytest.mark.lane
def test_a_link_a_lease_and_a_task_are_spans_joined_over_processes_and_hold_no_secret(
    channels_world: Sandbox, traced: Collector, settings: Settings
) -> None:
    native.set_up_apps(channels_world)
    key = api_keys.issue_key(name="job", scopes=list(ApiKey.Scope.values), teams=[Team.default()])[1]
    mira = make_user("mira@example.com", name="Mira Ode", is_staff=True, is_superuser=True)
    staff = Client()
    staff.force_login(mira)

    with processes.worker(channels_world, "pushes"), processes.refresh_lane(channels_world):
        account = native.linked("snapchat", "ada")
        job = {"Authorization": f"Bearer {key}", "traceparent": TRACEPARENT, "tracestate": f"who={TOKEN}"}
        path = f"/api/v1/accounts/snapchat/{account.native_id}/lease"
        lease = Client().post(path, "{}", content_type="application/json", headers=job).json()
        Token.objects.update(access_expires_at=timezone.now() - timedelta(hours=1))
        press_check_now(staff, Token.objects.get(), account)
        processes.wait(lambda: bool(traced.named("channel refresh")), seconds=60)
        processes.wait(lambda: Token.objects.get().generation == 2, seconds=60)
    processes.wait(lambda: bool(traced.named(CHECK)), seconds=60)  # the last of this process

    assert lease["lease_id"]
    assert {span["version"] for span in traced.spans()} == {settings.RELEASE}
    assert_joined(traced)
    assert_calls_are_told(traced)
    secrets = [
        Sandbox.MARKER, key, lease["lease_id"], TOKEN, "@example.com", staff.cookies["sessionid"].value,
        *(secret for _, secret in Sandbox.APPS.values()), *lease["send"]["headers"].values(), "callback/?", "Ada", "Lumen",
    ]  # fmt: skip
    sent = b"".join(traced.bodies)
    assert [secret for secret in secrets if secret.encode() in sent] == []


LEASE = "api/v1/accounts/<channel>/<native_id>/lease"
CHECK = "POST admin/accounts/account/<int:account_id>/tokens/<int:token_id>/check/"


def assert_joined(traced: Collector) -> None:
    """The page that asked and the task of another process are one trace; the refresh of a third names its token."""
    (refresh,), tasks = traced.named("channel refresh"), traced.named("run/accounts.tasks.check_tokens")
    by_id = {span["id"]: span for span in traced.spans()}
    refreshed, chains = _chain(refresh, by_id), [_chain(task, by_id) for task in tasks]
    (asked,) = [chain for chain in chains if chain[-1]["name"] != "refresh"]
    assert [span["name"] for span in asked] == [
        "run/accounts.tasks.check_tokens",
        "apply_async/accounts.tasks.check_tokens",
        CHECK,
    ]
    assert [span["name"] for span in refreshed] == ["channel refresh", "refresh"]
    assert refreshed[-1]["adtoken.token_id"] == Token.objects.get().pk
    assert len({span["process"] for span in (*asked, *refreshed)}) == 3
    assert len({span["trace"] for span in asked}) == 1


def _chain(span: dict[str, Any], by_id: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Return a span with those above it."""
    chain = [span]
    while chain[-1]["parent"] in by_id:
        chain.append(by_id[chain[-1]["parent"]])
    return chain


def assert_calls_are_told(traced: Collector) -> None:
    """Each call to a channel has its name, the channel and the status; a job's own trace goes on in ours."""
    exchange = traced.named("channel exchange")[0]
    assert (exchange["adtoken.channel"], exchange["http.response.status_code"]) == ("snapchat", 200)
    (lease,) = traced.named(f"POST {LEASE}")
    assert TRACEPARENT.split("-")[1] not in {
        span["trace"] for span in traced.spans() if "admin/" in span["name"]
    }
    assert (lease["http.status_code"], lease["trace"]) == (200, TRACEPARENT.split("-")[1])
    statements = [span for span in traced.spans() if "db.statement" in span]
    assert any(
        'FROM "accounts_account"' in span["db.statement"] and "%s" in span["db.statement"]
        for span in statements
    )
    assert all(span["parent"] for span in statements)


def test_whatever_a_span_holds_leaves_only_by_name_and_through_the_filter() -> None:
    kept = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(kept))
    with provider.get_tracer("x").start_as_current_span(f"GET /x?access_token={TOKEN}") as span:
        span.set_attributes({"db.query.text": f"select '{TOKEN}', 'ada@example.com'", "url.full": TOKEN})
        span.add_event("exception", {"exception.message": TOKEN})
        span.record_exception(ValueError(TOKEN))
    raw = kept.get_finished_spans()

    left = encode_spans([traces.cleaned(span) for span in raw]).SerializeToString()

    assert encode_spans(raw).SerializeToString().count(TOKEN.encode()) >= 5
    assert [secret for secret in (TOKEN, "ada@example.com", "url.full") if secret.encode() in left] == []
    assert b"select '[hidden]', '[hidden]'" in left


def test_a_line_of_the_log_leads_to_its_trace(traced: Collector) -> None:
    line = logging.LogRecord("x", logging.INFO, __file__, 1, "said", None, None)

    with spans.span("anything", kind="consumer", parent=TRACEPARENT):
        said = logs.JsonFormatter().format(line)

    assert f'"trace_id": "{TRACEPARENT.split("-")[1]}"' in said
    assert "trace_id" not in logs.JsonFormatter().format(line)


def test_without_the_packages_it_is_refused(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.TRACES = True
    monkeypatch.setitem(sys.modules, "adtoken_project.telemetry.traces", None)
    monkeypatch.delattr("adtoken_project.telemetry.traces")

    with pytest.raises(ImproperlyConfigured, match="OpenTelemetry is not installed"):
        apps.start_traces()

"""Spans by OpenTelemetry's SDK, exported by OTLP over HTTP. Where to, how often and which share: its standard variables.

What leaves is named here, fact by fact, and goes through the filter of the log lines besides.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.conf import settings
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from adtoken_project import env
from tokens import refreshing, scrub, spans

TOLD = frozenset(
    {
        "http.request.method", "http.route", "http.response.status_code", "db.system.name", "db.query.text", "error.type",
        "adtoken.request_id", "adtoken.task", "adtoken.task_id", "adtoken.channel", "adtoken.call", "adtoken.token_id",
    }
)  # fmt: skip
TIMEOUTS = ("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")
PATIENCE = (
    3.0  # seconds where they are not set: a process that stops waits so long for a collector that is away
)
KINDS = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT, "consumer": SpanKind.CONSUMER}
_MAIL = re.compile(r"[^\s@'\"<>(),;:=]+@[^\s@'\"<>(),;:=]+")
_CONTEXT = TraceContextTextMapPropagator()


class OpenTelemetry:
    """Makes spans by the SDK."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self._tracer = provider.get_tracer("adtoken")

    @contextmanager
    def span(self, name: str, *, kind: spans.Kind, parent: str, facts: spans.Facts) -> Iterator[spans.Note]:
        """Run what is inside as a span. Of what breaks in it, the kind alone is told: a text may hold anything."""
        # `tracestate` and baggage are left behind: whoever asks could put words into our export.
        above = _CONTEXT.extract({"traceparent": parent}) if parent else None
        with self._tracer.start_as_current_span(
            name,
            context=above,
            kind=KINDS[kind],
            attributes=facts,
            record_exception=False,
            set_status_on_exception=False,
        ) as made:

            def note(more: spans.Facts) -> None:
                made.set_attributes(more)
                if more.get("http.route"):
                    made.update_name(f"{name} {more['http.route']}")
                if "error.type" in more:
                    made.set_status(StatusCode.ERROR)

            try:
                yield note
            except BaseException as error:
                note({"error.type": type(error).__name__})
                raise

    def current(self) -> str:
        """Return the span that runs here as `traceparent`."""
        carrier: dict[str, str] = {}
        _CONTEXT.inject(carrier)
        return carrier.get("traceparent", "")

    def records(self) -> bool:
        """Return whether the span that runs here is exported."""
        return trace.get_current_span().is_recording()

    def carried(self, call: Callable[[], Any]) -> Callable[[], Any]:
        """Return the call, belonging to the span that runs here."""
        here = contexts.get_current()

        def elsewhere() -> Any:
            before = contexts.attach(here)
            try:
                return call()
            finally:
                contexts.detach(before)

        return elsewhere


class Cleaned(SpanExporter):
    """Exports spans without what may not leave."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export them."""
        return self._exporter.export([cleaned(span) for span in spans])

    def shutdown(self) -> None:
        """End."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Export what waits."""
        return self._exporter.force_flush(timeout_millis)


def tracer() -> OpenTelemetry:
    """Return what makes the spans of this process. Raises ImproperlyConfigured for a protocol other than OTLP over HTTP."""
    env.choice("OTEL_EXPORTER_OTLP_PROTOCOL", default="http/protobuf", choices=("http/protobuf",))
    env.choice("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", default="http/protobuf", choices=("http/protobuf",))
    provider = TracerProvider(resource=_resource())
    patience = None if any(os.environ.get(name) for name in TIMEOUTS) else PATIENCE
    provider.add_span_processor(BatchSpanProcessor(Cleaned(OTLPSpanExporter(timeout=patience))))
    return OpenTelemetry(provider)


def _resource() -> Resource:
    """Return what this process is called, by OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES as far as they say it."""
    named = dict(Resource.create().attributes)
    if str(named["service.name"]).startswith("unknown_service"):
        named["service.name"] = "adtoken"
    ours = {"service.instance.id": refreshing.process(), "service.version": settings.RELEASE}
    return Resource({**_clean_all(named), **ours})


def cleaned(span: ReadableSpan) -> ReadableSpan:
    """Return a span as it may leave: named facts through the filter, no events, no words about errors."""
    told = {name: value for name, value in (span.attributes or {}).items() if name in TOLD and value != ""}
    return ReadableSpan(
        name=_clean(span.name),
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=_clean_all(told),
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _clean_all(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _clean(value) if isinstance(value, str) else value for name, value in facts.items()}


@lru_cache(maxsize=4096)
def _clean(text: str) -> str:
    """Return a text without secrets and mail addresses. Most come again and again: names, routes, statements."""
    return _MAIL.sub(scrub.HIDDEN, scrub.line(text))

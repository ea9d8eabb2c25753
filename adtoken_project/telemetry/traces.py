"""Traces by OpenTelemetry's own instrumentations, over OTLP by HTTP. Imported where its standard variables name a collector: optional.

Requests, runs of tasks, statements, and our own spans of refreshes and calls to channels, joined over processes. What leaves is named here,
fact by fact, and goes through the filter of the log lines besides: libraries note addresses, which may hold codes and links of invitations.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from django.conf import settings
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.celery import CeleryInstrumentor
from opentelemetry.instrumentation.django import DjangoInstrumentor
from opentelemetry.instrumentation.psycopg import PsycopgInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from infra import scrub, spans
from tokens.checks import services as refreshing

TOLD = frozenset(
    {
        "http.request.method", "http.method", "http.route", "http.response.status_code", "http.status_code", "db.system", "db.statement",
        "db.query.text", "error.type", "celery.action", "celery.state", "celery.task_name", "adtoken.request_id", "adtoken.channel",
        "adtoken.call", "adtoken.token_id",
    }
)  # fmt: skip
UNTOLD = "livez,readyz,healthz,metrics,static/"  # asked all the time
_MAIL = re.compile(r"[^\s@'\"<>(),;:=]+@[^\s@'\"<>(),;:=]+")
_CONTEXT = TraceContextTextMapPropagator()


class Tracer:
    """Makes our own spans."""

    def __init__(self, provider: TracerProvider) -> None:
        self._tracer = provider.get_tracer("adtoken")

    @contextmanager
    def span(self, name: str, *, kind: spans.Kind, parent: str, facts: spans.Facts) -> Iterator[spans.Note]:
        """Run what is inside as a span, below the one that runs here or below `parent`."""
        above = _CONTEXT.extract({"traceparent": parent}) if parent else None
        with self._tracer.start_as_current_span(
            name, context=above, kind=SpanKind[kind.upper()], attributes=facts, record_exception=False
        ) as made:
            yield made.set_attributes

    def current(self) -> str:
        """Return the span that runs here as `traceparent`; "" where none does."""
        carrier: dict[str, str] = {}
        _CONTEXT.inject(carrier)
        return carrier.get("traceparent", "")


class Cleaned(SpanExporter):
    """Exports spans without what may not leave, and no statement that belongs to nothing: a process asks all the time."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Export them."""
        return self._exporter.export([cleaned(one) for one in spans if one.parent or not _is_statement(one)])

    def shutdown(self) -> None:
        """End."""
        self._exporter.shutdown()


def start_traces() -> TracerProvider:
    """Trace this process from now on, by OTLP over HTTP."""
    provider = TracerProvider(resource=_resource())
    provider.add_span_processor(BatchSpanProcessor(Cleaned(OTLPSpanExporter())))
    spans.use(Tracer(provider))
    DjangoInstrumentor().instrument(
        tracer_provider=provider, excluded_urls=UNTOLD, response_hook=_name_request
    )
    _celery().instrument(tracer_provider=provider)
    PsycopgInstrumentor().instrument(tracer_provider=provider)
    return provider


def stop(provider: TracerProvider) -> None:
    """Make no more spans: tests go on in the same process."""
    for one in (DjangoInstrumentor(), _celery(), PsycopgInstrumentor()):
        one.uninstrument()
    spans.use(None)
    provider.shutdown()


def _celery() -> Any:
    return CeleryInstrumentor()  # type: ignore[no-untyped-call]  # the library's own


def _name_request(span: trace.Span, request: Any, response: Any) -> None:  # noqa: ARG001  # what the library calls
    span.set_attribute("adtoken.request_id", response.get("X-Request-ID", ""))


def _is_statement(span: ReadableSpan) -> bool:
    return "db.system" in (span.attributes or {})


def _resource() -> Resource:
    """Return what this process is called, by OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES as far as they say it."""
    named = dict(Resource.create().attributes)
    if str(named["service.name"]).startswith("unknown_service"):
        named["service.name"] = "adtoken"
    ours = {"service.instance.id": refreshing.process_name(), "service.version": settings.RELEASE}
    return Resource({**_clean_all(named), **ours})


def cleaned(span: ReadableSpan) -> ReadableSpan:
    """Return a span as it may leave: named facts through the filter, no events, no words about errors."""
    told = {name: value for name, value in (span.attributes or {}).items() if name in TOLD and value != ""}
    return ReadableSpan(
        name=_clean(span.name),
        context=_own(span.context),
        parent=_own(span.parent),
        resource=span.resource,
        attributes=_clean_all(told),
        kind=span.kind,
        status=Status(StatusCode.ERROR if "error.type" in told else span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _own(context: trace.SpanContext | None) -> trace.SpanContext | None:
    """Return the ids without `tracestate`: whoever asks could put words into our export by it."""
    if context is None:
        return None
    return trace.SpanContext(context.trace_id, context.span_id, context.is_remote, context.trace_flags)


def _clean_all(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _clean(value) if isinstance(value, str) else value for name, value in facts.items()}


@lru_cache(maxsize=4096)
def _clean(text: str) -> str:
    """Return a text without secrets and mail addresses. Most come again and again: names, routes, statements."""
    return _MAIL.sub(scrub.HIDDEN, scrub.line(text))

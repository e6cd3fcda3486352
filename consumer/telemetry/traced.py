"""Wrappers that carry each record's trace on to Foundry and into its letter."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Final

from opentelemetry import trace as otel
from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    TraceFlags,
    TraceState,
)
from opentelemetry.trace.status import StatusCode

from consumer.model import Letter, Lookup, Record, Request
from consumer.outcomes import Answer, Applied, LookupOutcome, Outcome, Withheld
from consumer.ports import Actions, DeadLetters
from consumer.telemetry.names import SpanName
from consumer.telemetry.trace import TraceContext, context_of, new_trace

MOST_FAILING = 20_000
ENDPOINT: Final = "OTEL_EXPORTER_OTLP_ENDPOINT"
_Coordinates = tuple[str, int, int]


def tracer_from(environ: Mapping[str, str]) -> otel.Tracer | None:
    """The process's OpenTelemetry tracer; None, which costs nothing, if no exporter is configured."""
    return otel.get_tracer("foundry-consumer") if environ.get(ENDPOINT) else None


class Failing:
    """The traces of records that have failed and are not settled, so that a retry stays in its record's trace."""

    def __init__(self) -> None:
        self._contexts: dict[_Coordinates, TraceContext] = {}

    def __len__(self) -> int:
        return len(self._contexts)

    def of(self, record: Record) -> TraceContext | None:
        return self._contexts.get(_coordinates(record)) if self._contexts else None

    def remember(self, record: Record, context: TraceContext) -> None:
        """Bounded by dropping the oldest, as a record that another member takes over is never settled here."""
        self._contexts.pop(_coordinates(record), None)
        self._contexts[_coordinates(record)] = context
        if len(self._contexts) > MOST_FAILING:
            del self._contexts[next(iter(self._contexts))]

    def forget(self, record: Record) -> TraceContext | None:
        return self._contexts.pop(_coordinates(record), None) if self._contexts else None


class TracedActions:
    """Gives each request a span id of its own, in the trace of its first record.

    A header names one trace, but a batch has up to 20: the first record's is sent, and the span, if spans are
    recorded, has links to the others.
    """

    def __init__(self, inner: Actions, failing: Failing, tracer: otel.Tracer | None = None) -> None:
        self._inner = inner
        self._failing = failing
        self._tracer = tracer

    async def send(self, request: Request) -> Outcome:
        parent = self._parent(request)
        if self._tracer is None:
            context = new_trace() if parent is None else parent.child()
            return await self._attempt(request, context)
        with _started(self._tracer, "foundry.action", parent, _links(request)) as span:
            span.set_attribute("foundry.action_type", request.action.name)
            span.set_attribute("messaging.batch.message_count", len(request.entries))
            outcome = await self._attempt(request, _context(span, parent))
            _conclude(span, outcome)
            return outcome

    async def look_up(self, lookup: Lookup) -> LookupOutcome:
        if self._tracer is None:
            return await self._inner.look_up(lookup)
        with _started(self._tracer, "foundry.lookup", None, []) as span:
            span.set_attribute("foundry.object_type", lookup.object_type)
            found = await self._inner.look_up(lookup)
            _conclude(span, found)
            return found

    def _parent(self, request: Request) -> TraceContext | None:
        first = request.entries[0].record if request.entries else None
        if first is None:
            return None
        return self._failing.of(first) or context_of(first.headers)

    async def _attempt(self, request: Request, context: TraceContext) -> Outcome:
        request.traceparent, request.tracestate = context.traceparent, context.state
        outcome = await self._inner.send(request)
        if isinstance(outcome, Applied):
            if len(self._failing):
                for entry in request.entries:
                    self._failing.forget(entry.record)
        elif not isinstance(outcome, Withheld):
            for entry in request.entries:
                self._failing.remember(entry.record, _own(entry.record, context))
        return outcome


class TracedLetters:
    """Puts the failing trace into each letter."""

    def __init__(self, inner: DeadLetters, failing: Failing) -> None:
        self._inner = inner
        self._failing = failing

    async def write(self, letter: Letter) -> None:
        """As the inner one; the trace is kept until the letter is acknowledged."""
        record = letter.record
        context = self._failing.of(record) or context_of(record.headers) or new_trace()
        if letter.traceparent is None:
            letter = replace(letter, traceparent=context.traceparent)
        await self._inner.write(letter)
        self._failing.forget(record)


def _coordinates(record: Record) -> _Coordinates:
    return record.topic, record.partition, record.offset


def _own(record: Record, attempt: TraceContext) -> TraceContext:
    """The context of a failed record: its own trace, even if the request was in another record's."""
    own = context_of(record.headers)
    return attempt if own is None or own.trace_id == attempt.trace_id else own


def _span_context(context: TraceContext) -> SpanContext:
    state = TraceState.from_header([context.state]) if context.state else None
    return SpanContext(
        int(context.trace_id, 16),
        int(context.span_id, 16),
        is_remote=True,
        trace_flags=TraceFlags(context.flags),
        trace_state=state,
    )


def _links(request: Request) -> list[Link]:
    contexts = (context_of(entry.record.headers) for entry in request.entries)
    return [Link(_span_context(context)) for context in contexts if context is not None]


def _started(
    tracer: otel.Tracer, name: SpanName, parent: TraceContext | None, links: list[Link]
) -> AbstractContextManager[Span]:
    """A span for this request alone. Exceptions are not recorded, as their text may quote an event."""
    remote = None if parent is None else NonRecordingSpan(_span_context(parent))
    return tracer.start_as_current_span(
        name,
        context=Context() if remote is None else otel.set_span_in_context(remote, Context()),
        kind=SpanKind.CLIENT,
        links=links,
        record_exception=False,
        set_status_on_exception=False,
    )


def _context(span: Span, parent: TraceContext | None) -> TraceContext:
    """The context for the request's header: that of the span, or our own if the API records nothing."""
    made = span.get_span_context()
    span_id = f"{made.span_id:016x}"
    if not made.is_valid or (parent is not None and span_id == parent.span_id):
        return new_trace() if parent is None else parent.child()
    state = made.trace_state.to_header() or None
    return TraceContext(f"{made.trace_id:032x}", span_id, int(made.trace_flags), state)


def _conclude(span: Span, outcome: Outcome | LookupOutcome) -> None:
    span.set_attribute("foundry.outcome", type(outcome).__name__.lower())
    answer = getattr(outcome, "answer", None)
    if not isinstance(answer, Answer):
        return
    span.set_attribute("error.type", answer.cause)
    if answer.status is not None:
        span.set_attribute("http.response.status_code", answer.status)
    if answer.error_instance_id is not None:
        span.set_attribute("foundry.error_instance_id", answer.error_instance_id)
    span.set_status(StatusCode.ERROR)

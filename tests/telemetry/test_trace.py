"""Trace context: joined to the producer's where it is valid to the letter, else a new trace."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, strategies as st
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NoOpTracer

from consumer.errors import Unavailable
from consumer.model import Headers, Letter, Lookup, Request
from consumer.outcomes import Answer, Applied, Found, LookupOutcome, Outcome, Refused
from consumer.telemetry import Failing, TracedActions, TracedLetters, tracer_from
from consumer.telemetry.trace import context_of
from consumer.telemetry.traced import MOST_FAILING
from tests.telemetry.values import prepared, record, request

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
PARENT = f"00-{TRACE}-{SPAN}-01"
VALID = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


def headers(parent: str = PARENT, state: str | None = None) -> Headers:
    found: list[tuple[str, bytes | None]] = [("traceparent", parent.encode())]
    if state is not None:
        found.append(("tracestate", state.encode()))
    return found


class Foundry:
    """Answers each request with what is next, the last one for ever, and keeps what the headers said."""

    def __init__(self, *outcomes: Outcome) -> None:
        self._outcomes = list(outcomes)
        self.seen: list[tuple[str, str | None]] = []

    async def send(self, request: Request) -> Outcome:
        assert request.traceparent is not None
        assert VALID.fullmatch(request.traceparent)
        self.seen.append((request.traceparent, request.tracestate))
        return self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]

    async def look_up(self, lookup: Lookup) -> LookupOutcome:
        return Found({"key": lookup.key})


class Topic:
    """Keeps letters; refuses the first ones."""

    def __init__(self, refused: int = 0) -> None:
        self._refused = refused
        self.letters: list[Letter] = []

    async def write(self, letter: Letter) -> None:
        if self._refused:
            self._refused -= 1
            raise Unavailable("not acknowledged")
        self.letters.append(letter)


def trace_of(parent: str | None) -> str:
    assert parent is not None
    return parent.split("-")[1]


def letter(about: Headers = (), offset: int = 7) -> Letter:
    return Letter(record(offset, about), "rejected", "no", "submit")


async def test_each_request_is_a_new_span_of_the_records_trace() -> None:
    foundry = Foundry(Applied())
    traced = TracedActions(foundry, Failing())

    for _n in range(2):
        await traced.send(request(prepared(record(headers=headers(state="a=1, b@c=2")))))

    (first, state), (second, _) = foundry.seen
    assert trace_of(first) == trace_of(second) == TRACE
    assert len({first, second, PARENT}) == 3
    assert state == "a=1,b@c=2"


@pytest.mark.parametrize(
    "parent",
    [
        "",
        "x",
        PARENT[:-1],
        f"{PARENT}-more",
        PARENT.upper(),
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-{SPAN}-0g",
        f" {PARENT}",
        f"{PARENT}\n",
        f"00-{TRACE}-{SPAN}-01\r\nX-Admin: 1",
        f"01-{TRACE}-{SPAN}-01{'x' * 2000}",
        f"01-{TRACE}-{SPAN}-01-{'x' * 2000}",
    ],
)
async def test_a_malformed_context_begins_a_new_trace(parent: str) -> None:
    foundry = Foundry(Applied())

    await TracedActions(foundry, Failing()).send(request(prepared(record(headers=headers(parent)))))

    assert trace_of(foundry.seen[0][0]) != TRACE
    assert foundry.seen[0][1] is None


@given(st.lists(st.tuples(st.sampled_from(["traceparent", "tracestate"]), st.binary(max_size=80))))
def test_no_bytes_in_a_header_raise(found: list[tuple[str, bytes]]) -> None:
    context = context_of(found)

    assert context is None or VALID.fullmatch(context.traceparent)


def test_a_later_version_is_read_as_far_as_it_is_known() -> None:
    context = context_of(headers(f"01-{TRACE}-{SPAN}-ff-later"))

    assert context is not None
    assert context.traceparent == f"00-{TRACE}-{SPAN}-03"


def test_two_parents_are_none_and_a_null_is_none() -> None:
    assert context_of([*headers(), *headers()]) is None
    assert context_of([("traceparent", None)]) is None


@pytest.mark.parametrize("state", ["", "a", "A=1", "a=1,a=2", "a=\n", "a=ü", "x" * 600, "a= "])
def test_a_malformed_state_is_left_out_and_the_trace_is_kept(state: str) -> None:
    context = context_of(headers(state=state))

    assert context is not None
    assert (context.trace_id, context.state) == (TRACE, None)


async def test_a_record_without_a_trace_keeps_the_one_it_was_given_until_its_letter() -> None:
    failing, topic = Failing(), Topic(refused=1)
    foundry = Foundry(Refused(Answer("http_400")))
    traced = TracedActions(foundry, failing)
    letters = TracedLetters(topic, failing)

    for _n in range(2):
        await traced.send(request(prepared(record())))
    with pytest.raises(Unavailable):
        await letters.write(letter())
    await letters.write(letter())

    assert len({trace_of(parent) for parent, _ in foundry.seen}) == 1
    assert topic.letters[0].traceparent == foundry.seen[-1][0]
    assert len(failing) == 0


async def test_a_record_that_failed_in_a_batch_has_its_own_trace_in_its_letter() -> None:
    failing, topic = Failing(), Topic()
    other = headers(f"00-{'ab' * 16}-{SPAN}-01")
    foundry = Foundry(Refused(Answer("http_400")))

    await TracedActions(foundry, failing).send(
        request(prepared(record(1, headers())), prepared(record(2, other)), prepared(record(3)))
    )
    for offset, about in ((1, headers()), (2, other), (3, ())):
        await TracedLetters(topic, failing).write(letter(about, offset))

    assert trace_of(foundry.seen[0][0]) == TRACE
    assert [trace_of(each.traceparent) for each in topic.letters] == [TRACE, "ab" * 16, TRACE]


async def test_a_letter_of_a_record_that_was_never_sent_has_the_records_trace() -> None:
    topic = Topic()

    await TracedLetters(topic, Failing()).write(letter(headers()))
    await TracedLetters(topic, Failing()).write(letter())

    assert topic.letters[0].traceparent == PARENT
    assert VALID.fullmatch(topic.letters[1].traceparent or "")


async def test_what_is_applied_or_too_old_is_forgotten() -> None:
    failing = Failing()
    traced = TracedActions(Foundry(Refused(Answer("http_400")), Applied()), failing)

    await traced.send(request(prepared(record())))
    await traced.send(request(prepared(record())))
    empty = len(failing)
    context = context_of(headers())
    assert context is not None
    for offset in range(MOST_FAILING + 5):
        failing.remember(record(offset), context)

    assert empty == 0
    assert len(failing) == MOST_FAILING
    assert failing.of(record(0)) is None


async def test_with_an_exporter_the_header_is_the_recorded_span_and_all_records_are_linked() -> (
    None
):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    foundry = Foundry(Refused(Answer("http_400", detail="canary", status=400)))
    traced = TracedActions(foundry, Failing(), provider.get_tracer("test"))

    await traced.send(
        request(prepared(record(1, headers(state="a=1"))), prepared(record(2, headers())))
    )
    await traced.look_up(Lookup("Ticket", applied=lambda _: True, key="canary"))

    sent, looked_up = exporter.get_finished_spans()
    assert sent.context is not None
    assert sent.parent is not None
    assert foundry.seen == [(f"00-{TRACE}-{sent.context.span_id:016x}-01", "a=1")]
    assert f"{sent.parent.span_id:016x}" == SPAN
    assert (sent.name, len(sent.links)) == ("foundry.action", 2)
    assert sent.attributes is not None
    assert sent.attributes["foundry.outcome"] == "refused"
    assert looked_up.name == "foundry.lookup"
    assert "canary" not in f"{sent.to_json()} {looked_up.to_json()}"
    provider.shutdown()


@pytest.mark.parametrize("about", [headers(), ()])
async def test_an_api_that_records_nothing_still_has_a_span_id_for_each_request(
    about: Headers,
) -> None:
    foundry = Foundry(Applied())

    await TracedActions(foundry, Failing(), NoOpTracer()).send(
        request(prepared(record(headers=about)))
    )

    assert SPAN not in foundry.seen[0][0]


def test_nothing_is_traced_without_an_exporter() -> None:
    assert tracer_from({}) is None
    assert tracer_from({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}) is not None

"""The values that travel through the service: records in, prepared records between, requests and letters out.

Their `repr` shows no key, value or header: any of them may end up in an exception's text.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol

from consumer.errors import Reason
from consumer.outcomes import Answer

Headers = Sequence[tuple[str, bytes | None]]


class Partition(NamedTuple):
    """One partition of one topic."""

    topic: str
    partition: int


class Record(Protocol):
    """A record as Kafka gave it. The client library's own record satisfies it, so none is copied."""

    @property
    def topic(self) -> str: ...
    @property
    def partition(self) -> int: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Milliseconds since the epoch; -1: unknown."""

    @property
    def timestamp_type(self) -> int | None:
        """0: set by the producer, 1: by the broker, None: unknown."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


@dataclass(frozen=True, slots=True)
class PlainRecord:
    """A record that did not come from the client library: examples, letters, tests."""

    topic: str
    partition: int
    offset: int
    timestamp: int = -1
    timestamp_type: int | None = None
    key: bytes | None = field(default=None, repr=False)
    value: bytes | None = field(default=None, repr=False)
    headers: Headers = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A record that the client library cannot hand over: what could be recovered of it, and why not all."""

    topic: str
    partition: int
    offset: int
    detail: str
    timestamp: int = -1
    timestamp_type: int | None = None
    key: bytes | None = field(default=None, repr=False)
    value: bytes | None = field(default=None, repr=False)
    headers: Headers = field(default=(), repr=False)
    skipped: bool = False
    """True: an operator asked for it to be passed over."""


@dataclass(slots=True)
class Envelope:
    """A decoded record, its event still untyped: `data` is the JSON text of one object, checked strictly.

    Built for each record and read about seven times. Frozen, it would take three times as long to build; a
    named tuple's fields would take ten times as long to read.
    """

    id: str
    type: str
    data: bytes
    source: str | None = None
    time: str | None = None
    subject: str | None = None
    size: int = 0
    """Bytes of memory that the record takes up: key, value and headers."""
    enclosed: bool = False
    """True: `data` is a structured CloudEvent; the event is its member `data`, which is an object too."""

    def __repr__(self) -> str:
        return f"Envelope(id={self.id!r}, type={self.type!r})"


class Repeat(Enum):
    """What a second apply of the same action would do."""

    SAFE = "safe"
    CREATE = "create"
    ASK = "ask"
    NEVER = "never"

    @property
    def claimed(self) -> bool:
        """True where a claim must be durable before the request is sent."""
        return self is Repeat.ASK or self is Repeat.NEVER


@dataclass(frozen=True, slots=True)
class ActionType:
    """An action type of the ontology: its API name, and how many may go in one request.

    `batch == 1` means that it is always sent with `apply`; otherwise always with `applyBatch`, even when alone.
    """

    name: str
    batch: int = 20

    @property
    def batched(self) -> bool:
        return self.batch > 1


@dataclass(slots=True)
class Call:
    """One action to be submitted; `parameters` is the JSON text of the parameters object. Not frozen, as `Envelope`."""

    action: ActionType
    parameters: bytes

    def __repr__(self) -> str:
        return f"Call({self.action.name!r})"


@dataclass(frozen=True, slots=True)
class Lookup:
    """How `ask` reads back: one object by primary key, or a search by property values."""

    object_type: str
    applied: Callable[[Mapping[str, Any] | None], bool]
    """Owners' code: it may raise anything."""
    key: str | int | None = field(default=None, repr=False)
    where: Mapping[str, Any] | None = field(default=None, repr=False)


class Tenure(Protocol):
    """A partition during one session. Its records are settled here, even after the partition was lost."""

    @property
    def ending(self) -> bool:
        """True: nothing more of it may be sent."""


class Claim(Protocol):
    """What a harmful action needs before it may be sent."""

    @property
    def durable(self) -> bool:
        """True: the commit that carries it was acknowledged in this session, or it was found in the store."""


@dataclass(slots=True, eq=False)
class Prepared:
    """A record to be sent. What it is was decided at intake; how it fares is kept here, so it is not frozen.

    Times are seconds of the event loop's clock.
    """

    record: Record = field(repr=False)
    event_id: str
    event_type: str
    lane: Hashable | None = field(repr=False)
    """None: ordered with nothing."""
    repeat: Repeat
    calls: tuple[Call, ...]
    size: int
    """Bytes that count against the memory limit."""
    lookup: Lookup | None = None
    unknown_fields: int = 0
    """How many of the event's fields its model does not know."""

    applied: int = 0
    """How many of `calls` have been applied."""
    attempts: int = 0
    """Failed requests that it was part of."""
    charged: int = 0
    """How many of those count against it: during an outage none does."""
    alone: bool = False
    """Send it in a request of its own: it failed in a batch while others of its type succeeded."""
    suspect: bool = False
    """Its action may have been applied (`ask`, `never`): it is never simply sent again."""
    not_before: float = 0.0
    """Before this neither reading back nor the record's next action makes sense."""
    failed_at: float = 0.0
    """When it failed last."""
    answer: Answer | None = None
    """The answer to its latest attempt, kept where the outcome has to be read back."""
    exhausted: bool = False
    """That attempt was one too many: if reading back shows that it was not applied, it is a letter."""
    sent_at: float = 0.0
    """When the latest request began that had this record first."""
    claim: Claim | None = None
    """Its place in a commit. Until this is durable, a `never` or `ask` action is not sent."""
    taken_at: float = 0.0
    """When it was taken in."""
    tenure: Tenure | None = None
    """Set at intake: the partition, during the session that delivered the record."""

    @property
    def call(self) -> Call:
        """The action to send next."""
        return self.calls[self.applied]


@dataclass(frozen=True, slots=True)
class Ignored:
    """Ignored by a named rule: no letter, but counted."""

    why: str = field(repr=False)
    event_type: str | None = None


@dataclass(slots=True)
class Request:
    """One HTTP request to Foundry: actions of one type, each from a different lane."""

    action: ActionType
    parameters: Sequence[bytes] = field(repr=False)
    entries: Sequence[Prepared]
    may_send: Callable[[], bool]
    """Asked again when the body is about to be written: after the wait for a connection."""
    validate_only: bool = False
    traceparent: str | None = None
    tracestate: str | None = None


@dataclass(frozen=True, slots=True)
class Letter:
    """A record on its way to the dead-letter topic."""

    record: Record = field(repr=False)
    reason: Reason
    detail: str = field(repr=False)
    stage: str
    event_id: str | None = None
    event_type: str | None = None
    action: str | None = None
    attempts: int = 0
    answer: Answer | None = None
    applied: int = 0
    traceparent: str | None = None
    redriven: int = 0
    """How many times an operator had it sent again."""

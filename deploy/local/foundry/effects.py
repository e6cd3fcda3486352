"""What took effect, and what was asked: the two logs that tests count by."""

from __future__ import annotations

import json
import os
import time
from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

from deploy.local.foundry.ontology import ActionType

ENCODER = json.JSONEncoder(separators=(",", ":"))
"""Made once: `json.dumps` with these separators makes one each time."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The request that an effect came from."""

    request: int
    client: str
    traceparent: str | None


class Effect(NamedTuple):
    """One action that took effect. `time` is seconds since the epoch."""

    sequence: int
    time: float
    action: str
    parameters: Mapping[str, Any]
    request: int
    batch: int
    """Actions in its request; 0: it was sent with `apply`."""
    traceparent: str | None
    client: str


class Effects:
    """Every action that took effect, in order, exactly once each; none is dropped, so memory grows.

    Lean: only counts by action type and key are kept, nothing is written, `since` is empty.
    """

    def __init__(self, path: Path | None = None, *, lean: bool = False) -> None:
        self.lean = lean
        self.total = 0
        self.by_action: Counter[str] = Counter()
        self.by_key: dict[str, Counter[Any]] = {}
        self._kept: list[Effect] = []
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self._file = None if path is None or lean else os.open(path, flags, 0o644)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[Effect]:
        return iter(self._kept)

    def since(self, sequence: int, limit: int = 1000) -> list[Effect]:
        """Effects after the one with `sequence`, oldest first."""
        first = self._kept[0].sequence if self._kept else 0
        start = max(0, sequence - first + 1)
        return self._kept[start : start + limit]

    def record(
        self, action: ActionType, items: Sequence[Mapping[str, Any]], origin: Origin, batch: int
    ) -> None:
        """All actions of one request took effect, at one moment. Written before it is answered."""
        self.by_action[action.name] += len(items)
        keys = self.by_key.setdefault(action.name, Counter())
        if action.key is not None:
            keys.update(_hashable(item.get(action.key)) for item in items)
        sequence = self.total
        self.total += len(items)
        if self.lean:
            return
        now = time.time()
        fresh = [
            Effect(
                sequence + place,
                now,
                action.name,
                item,
                origin.request,
                batch,
                origin.traceparent,
                origin.client,
            )
            for place, item in enumerate(items, start=1)
        ]
        self._kept.extend(fresh)
        if self._file is not None:
            os.write(self._file, b"".join(map(_line, fresh)))

    def clear(self) -> None:
        """Forget them; the sequence and the file go on."""
        self._kept.clear()
        self.by_action.clear()
        self.by_key.clear()


def _hashable(value: Any) -> Any:
    return value if value.__hash__ is not None else json.dumps(value)


def _line(effect: Effect) -> bytes:
    return ENCODER.encode(as_json(effect)).encode() + b"\n"


def as_json(effect: Effect) -> dict[str, Any]:
    return {
        "seq": effect.sequence,
        "time": effect.time,
        "action": effect.action,
        "parameters": effect.parameters,
        "request": effect.request,
        "batch": effect.batch,
        "traceparent": effect.traceparent,
        "client": effect.client,
    }


@dataclass(slots=True)
class Asked:
    """One request; not frozen, it is under way until it has a status or is left unanswered."""

    number: int
    time: float
    method: str
    path: str
    in_flight: int
    """Requests under way when it came, itself included."""
    client: str | None = None
    status: int | None = None
    fault: str | None = None
    """The kind of the fault that met it."""
    delivered: bool = True
    """False: the connection was gone, or was cut on purpose, before the answer was out."""
    ended: float | None = None
    items: Sequence[Mapping[str, Any]] = ()
    """The parameters of each action that it asks to be executed."""


class Requests:
    """Every request received (the latest of them kept), and those under way now."""

    def __init__(self, keep: int = 100_000) -> None:
        self.total = 0
        self.by_status: Counter[int] = Counter()
        self._kept: deque[Asked] = deque(maxlen=keep)
        self._open: dict[int, Asked] = {}

    @property
    def in_flight(self) -> int:
        """Requests whose headers have come and whose answer is not out."""
        return len(self._open)

    @property
    def under_way(self) -> list[Asked]:
        return list(self._open.values())

    def __len__(self) -> int:
        return self.total

    def __iter__(self) -> Iterator[Asked]:
        return iter(self._kept)

    def since(self, number: int, limit: int = 1000) -> list[Asked]:
        """Requests after the one with `number`, oldest first."""
        first = self._kept[0].number if self._kept else 0
        start = max(0, number - first + 1)
        return [self._kept[place] for place in range(start, min(start + limit, len(self._kept)))]

    def begin(self, method: str, path: str) -> Asked:
        self.total += 1
        asked = Asked(self.total, time.time(), method, path, len(self._open) + 1)
        self._open[asked.number] = asked
        self._kept.append(asked)
        return asked

    def end(self, asked: Asked) -> None:
        """It has been answered, or never will be."""
        asked.ended = time.time()
        del self._open[asked.number]
        if asked.status is not None:
            self.by_status[asked.status] += 1

    def clear(self) -> None:
        self._kept.clear()
        self.by_status.clear()


def request_as_json(asked: Asked) -> dict[str, Any]:
    """Without the parameters, of which a request may have many."""
    return {each.name: getattr(asked, each.name) for each in fields(asked) if each.name != "items"}

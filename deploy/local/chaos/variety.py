"""Events made from the contracts' own examples: what of an example may be varied is found out by trial."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from consumer.contracts import Contracts
from consumer.contracts.examples import (
    Example,
    ExpectActions,
    ExpectIgnored,
    ExpectReason,
    example_files,
    read_example,
)
from consumer.model import PlainRecord, Prepared
from consumer.pipeline import Prepare

APPLIED, IGNORED = "applied", "ignored"
NUMBERED = re.compile(r"\d+(?=\D*$)")
FIRST = 1_000_000
"""Numbers that are put in have as many digits as this, so that texts keep their length."""
TRIALS = (1, 2, 900_000)
SCALARS = (str, int, float)

Vary = Callable[[Any, int], Any]
Path = tuple[str | int, ...]
Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True, slots=True)
class Draft:
    """An event before it is published, and what is to come of it: applied, ignored, or a letter's reason."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers
    expect: str

    def at(self, partition: int, offset: int, timestamp: int) -> PlainRecord:
        """The record as the service gets it."""
        return PlainRecord(
            self.topic, partition, offset, timestamp, 0, self.key, self.value, self.headers
        )


@dataclass(frozen=True, slots=True)
class Spot:
    """A place in an example, and how its value is varied by a number."""

    path: Path
    vary: Vary


@dataclass(frozen=True, slots=True)
class Template:
    """An example; `by_lane` and `by_number` say what of it is varied, and how."""

    name: str
    topic: str
    content: Mapping[str, Any]
    """`headers` and, where it is JSON, `value`."""
    raw: bytes | None
    key: str | None
    expect: str
    by_lane: Spot | None = None
    by_number: tuple[Spot, ...] = ()
    repeat: str = ""
    keyed: bool = False
    """The Kafka key alone orders it."""

    def draft(self, lane: int, number: int) -> Draft:
        """Of this lane; no other number gives the same actions."""
        content = copy.deepcopy(dict(self.content))
        for spot in self.by_number:
            _put(content, spot, number)
        key = self.key
        if self.by_lane is not None:
            # The same for all examples of the lane: its records must share a partition.
            key = str(_put(content, self.by_lane, lane))
        elif self.keyed or key is not None:
            key = f"{key or 'key'}-{lane}"
        value = json.dumps(content["value"]).encode() if "value" in content else self.raw
        headers = tuple(
            (name, None if text is None else str(text).encode())
            for name, text in content["headers"].items()
        )
        return Draft(self.topic, None if key is None else key.encode(), value, headers, self.expect)


@dataclass(frozen=True, slots=True)
class Repertoire:
    """What can be published: examples that are applied, ignored and refused; and those that cannot serve."""

    applied: Sequence[Template]
    ignored: Sequence[Template]
    refused: Sequence[Template]
    left_out: Mapping[str, str]
    """By example: why."""


def repertoire(contracts: Contracts, prepare: Prepare) -> Repertoire:
    """Raises ContractError where an example file is none."""
    applied, ignored, refused, left_out = [], [], [], {}
    for path in example_files(contracts.folder):
        example = read_example(path)
        if example.topic not in contracts.by_topic:
            left_out[path.stem] = f"no contract has the topic {example.topic}"
            continue
        template = _template(example)
        match example.expect:
            case ExpectActions():
                fitted = _fitted(template, prepare)
                if isinstance(fitted, str):
                    left_out[template.name] = fitted
                else:
                    applied.append(fitted)
            case ExpectIgnored():
                ignored.append(template)
            case ExpectReason(reason=reason):
                refused.append(replace(template, expect=reason))
    return Repertoire(applied, ignored, refused, left_out)


def _template(example: Example) -> Template:
    record = example.record
    content: dict[str, Any] = {"headers": dict(record.headers)}
    if isinstance(record.value, dict):
        content["value"] = record.value
    expect = IGNORED if isinstance(example.expect, ExpectIgnored) else APPLIED
    return Template(
        f"{example.topic}/{example.path.stem}",
        example.topic,
        content,
        record.value_bytes(),
        record.key,
        expect,
    )


def _fitted(template: Template, prepare: Prepare) -> Template | str:
    """The template with what may be varied of it; or why it cannot serve."""
    base = _prepared(template, prepare)
    if base is None:
        return "its contract does not accept it"
    lanes: list[Spot] = []
    marks: list[Spot] = []
    for path, value in _leaves(template.content):
        spot, moves = _trial(template, prepare, path, value, base)
        if spot is not None:
            (lanes if moves else marks).append(spot)
    keyed = base.lane is not None and len(base.lane) == len(("topic", "key", "k"))  # type: ignore[arg-type]  # a tuple
    fitted = replace(
        template,
        by_lane=lanes[0] if lanes else None,
        by_number=tuple(marks),
        repeat=base.repeat.value,
        keyed=keyed,
    )
    seen: list[tuple[str, bytes]] = []
    for lane, number in ((1, 1), (1, 2), (2, 3), (1, 900_000)):
        prepared = _of(fitted.draft(lane, number), prepare)
        if prepared is None:
            return "what may be varied alone may not be varied together"
        seen += _asked(prepared)
    if len(set(seen)) != len(seen):
        return "nothing of it can be varied so that each of its actions can be told from all others"
    return fitted


def _trial(
    template: Template, prepare: Prepare, path: Path, value: Any, base: Prepared
) -> tuple[Spot | None, bool]:
    """A spot that the contract lets vary and that changes an action, and whether it changes the lane."""
    for vary in _ways(value):
        spot = Spot(path, vary)
        varied = [_prepared(replace(template, by_number=(spot,)), prepare, n) for n in TRIALS]
        found = [each for each in varied if each is not None]
        if len(found) < len(TRIALS) or any(_kind(each) != _kind(base) for each in found):
            continue
        lanes = {each.lane for each in (base, *found)}
        if len(lanes) > len(TRIALS):
            return spot, True
        actions = {_asked(each) for each in (base, *found)}
        if len(lanes) == 1 and len(actions) > len(TRIALS):
            return spot, False
    return None, False


def _asked(prepared: Prepared) -> tuple[tuple[str, bytes], ...]:
    """What its actions ask of Foundry."""
    return tuple((call.action.name, call.parameters) for call in prepared.calls)


def _kind(prepared: Prepared) -> tuple[object, ...]:
    return prepared.event_type, *(call.action.name for call in prepared.calls)


def _prepared(template: Template, prepare: Prepare, number: int = 0) -> Prepared | None:
    return _of(replace(template, by_lane=None, keyed=False).draft(0, number), prepare)


def _of(draft: Draft, prepare: Prepare) -> Prepared | None:
    found = prepare(draft.at(0, 0, 0))
    return found if isinstance(found, Prepared) else None


def _leaves(content: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every scalar in it, with the way to it."""
    if isinstance(content, Mapping):
        for name, inner in content.items():
            yield from _leaves(inner, (*path, name))
    elif isinstance(content, list):
        for index, inner in enumerate(content):
            yield from _leaves(inner, (*path, index))
    elif isinstance(content, SCALARS) and not isinstance(content, bool):
        yield path, content


def _put(content: Any, spot: Spot, number: int) -> Any:
    """Vary the value in place; what it is then."""
    *way, last = spot.path
    for step in way:
        content = content[step]
    content[last] = spot.vary(content[last], number)
    return content[last]


def _ways(value: Any) -> Iterator[Vary]:
    """How such a value may be varied: the most plausible first."""
    if isinstance(value, int):
        yield lambda old, number: old + number
    elif isinstance(value, float):
        yield lambda old, number: old + number * 2**-20
    else:
        if _is_moment(value):
            yield _later
        if NUMBERED.search(value):
            yield lambda old, number: NUMBERED.sub(str(FIRST + number), old, count=1)
        yield lambda old, number: f"{old} {FIRST + number}"


def _is_moment(text: str) -> bool:
    try:
        return "T" in text and datetime.fromisoformat(text) is not None
    except ValueError:
        return False


def _later(old: str, number: int) -> str:
    return (datetime.fromisoformat(old) + timedelta(milliseconds=number)).isoformat()

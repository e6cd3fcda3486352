"""What is published: jobs of every kind, in lanes; and what is broken, each in its own way."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from typing import Final

Header = tuple[str, bytes | None]

ONCE: Final = frozenset({"never", "alone", "ask"})
"""Kinds of which a second effect does harm."""
UNKNOWN_IS_A_LETTER: Final = frozenset({"never", "alone"})
MIX: Final = ("safe", "never", "create", "ask", "safe", "alone", "noise")
APPLIED: Final = "applied"
IGNORED: Final = "ignored"


@dataclass(frozen=True, slots=True)
class Job:
    """One record to be published, and what is to come of it: applied, ignored, or a letter's reason."""

    record: str
    kind: str
    lane: str
    key: bytes | None
    value: bytes | None
    headers: tuple[Header, ...]
    expect: str = APPLIED


@dataclass(frozen=True, slots=True)
class Published:
    """A job that the broker acknowledged."""

    partition: int
    offset: int
    job: Job


def job(record: str, kind: str, lane: str, number: int = 0, expect: str = APPLIED) -> Job:
    value = json.dumps({"record": record, "lane": lane, "number": number}).encode()
    return Job(record, kind, lane, lane.encode(), value, cloud(record, kind), expect)


def cloud(record: str, kind: str, source: str = "/e2e") -> tuple[Header, ...]:
    return (
        ("ce_specversion", b"1.0"),
        ("ce_id", record.encode()),
        ("ce_source", source.encode()),
        ("ce_type", f"{kind}.v1".encode()),
        ("content-type", b"application/json"),
    )


def mixed(lanes: int = 24, kinds: Sequence[str] = MIX, prefix: str = "lane") -> Iterator[Job]:
    """Jobs without end, round the lanes; in each lane all kinds take turns."""
    turns = {f"{prefix}-{number}": cycle(_turned(kinds, number)) for number in range(lanes)}
    for number, lane in zip(count(), cycle(turns)):
        kind = next(turns[lane])
        expect = IGNORED if kind == "noise" else APPLIED
        yield job(f"{lane}-{number}", kind, lane, number, expect)


def _turned(kinds: Sequence[str], by: int) -> Sequence[str]:
    by %= len(kinds)
    return (*kinds[by:], *kinds[:by])


def broken(lane: str) -> list[Job]:
    """Records of one lane that are all to become letters, each for its own reason."""
    good = json.dumps({"record": "r", "lane": lane, "number": 1}).encode()
    values: Mapping[str, tuple[bytes | None, tuple[Header, ...], str]] = {
        "tombstone": (None, (), "undecodable"),
        "empty": (b"", cloud("empty", "safe"), "undecodable"),
        "cut": (good[:-3], cloud("cut", "safe"), "undecodable"),
        "not-utf-8": (b'{"record": "\xff\xfe"}', cloud("not-utf-8", "safe"), "undecodable"),
        "twice": (good[:-1] + b', "lane": "x"}', cloud("twice", "safe"), "undecodable"),
        "no-envelope": (good, (("x", b"\xff"), ("x", None)), "undecodable"),
        "stranger": (good, cloud("stranger", "safe", source="/elsewhere"), "unauthorised"),
        "no-route": (good, cloud("no-route", "other"), "unknown_type"),
        "no-number": (b'{"record": "r", "lane": "l"}', cloud("no-number", "never"), "invalid"),
    }
    found = [
        Job(f"{lane}-{name}", "broken", lane, lane.encode(), value, headers, reason)
        for name, (value, headers, reason) in values.items()
    ]
    raised = job(f"{lane}-raised", "odd", lane, 0, "unmappable")
    refused = job(f"{lane}-refused", "safe", lane, -1, "rejected")
    return [*found, raised, refused]

"""Events that no contract takes, each broken in its own way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from deploy.local.demo.events import (
    EQUIPMENT,
    STRUCTURED_HEADERS,
    TICKETS,
    Bury,
    Draft,
    Header,
    OddKey,
    cloud_headers,
    encoded,
)

OPENED = "com.example.ticket.opened.v1"
Break = Callable[[str, str], Draft]
"""From a key and an id to an event that is broken."""


def _good(key: str, **changed: Any) -> bytes:
    fields = {
        "ticket_id": key,
        "title": "never to be seen",
        "priority": "low",
        "opened_at": "2026-03-01T09:30:00Z",
    }
    return encoded({**fields, **changed})


def _ticket(
    key: str, value: bytes | None, headers: tuple[Header, ...], reason: str = "undecodable"
) -> Draft:
    return Draft(TICKETS, key, value, headers, Bury(reason))


def _tombstone(key: str, _event_id: str) -> Draft:
    return _ticket(key, None, ())


def _empty(key: str, event_id: str) -> Draft:
    return _ticket(key, b"", cloud_headers(event_id, OPENED))


def _no_json(key: str, event_id: str) -> Draft:
    return _ticket(key, b'{"ticket_id": "T-1", "tit', cloud_headers(event_id, OPENED))


def _compressed(key: str, event_id: str) -> Draft:
    return _ticket(key, b"\x1f\x8b\x08\x00\x00", cloud_headers(event_id, OPENED))


def _twice_titled(key: str, event_id: str) -> Draft:
    value = _good(key)[:-1] + b',"title":"b"}'
    return _ticket(key, value, cloud_headers(event_id, OPENED))


def _no_envelope(key: str, _event_id: str) -> Draft:
    return _ticket(key, _good(key), (("content-type", b"application/json"),))


def _structured_without_data(key: str, event_id: str) -> Draft:
    value = encoded({"specversion": "1.0", "id": event_id, "source": "/helpdesk", "type": OPENED})
    return _ticket(key, value, STRUCTURED_HEADERS)


def _unknown_type(key: str, event_id: str) -> Draft:
    headers = cloud_headers(event_id, "com.example.ticket.reopened.v1")
    return _ticket(key, _good(key), headers, "unknown_type")


def _unknown_priority(key: str, event_id: str) -> Draft:
    value = _good(key, priority="urgent")
    return _ticket(key, value, cloud_headers(event_id, OPENED), "invalid")


def _without_time_zone(key: str, event_id: str) -> Draft:
    value = _good(key, opened_at="2026-03-01T09:30:00")
    return _ticket(key, value, cloud_headers(event_id, OPENED), "invalid")


def _of_a_stranger(key: str, event_id: str) -> Draft:
    headers = cloud_headers(event_id, OPENED, source="/elsewhere")
    return _ticket(key, _good(key), headers, "unauthorised")


def _odd_header(key: str, event_id: str) -> Draft:
    headers = (*cloud_headers(event_id, OPENED), (OddKey(b"\xff\xfetrace"), b"1"))
    return _ticket(key, _good(key), headers, "unreadable")


def _without_kind(key: str, _event_id: str) -> Draft:
    return Draft(EQUIPMENT, key, encoded({"equipment_id": key}), (), Bury("undecodable"))


def _number_as_text(key: str, _event_id: str) -> Draft:
    fields: Mapping[str, Any] = {
        "kind": "reading",
        "equipment_id": key,
        "measured_at": "2026-03-01T09:00:00Z",
        "temperature_celsius": "41.5",
        "running_milliseconds": 1,
    }
    return Draft(EQUIPMENT, key, encoded(fields), (), Bury("invalid"))


BROKEN: Mapping[str, tuple[Break, ...]] = {
    TICKETS: (
        _tombstone,
        _empty,
        _no_json,
        _compressed,
        _twice_titled,
        _no_envelope,
        _structured_without_data,
        _unknown_type,
        _unknown_priority,
        _without_time_zone,
        _of_a_stranger,
        _odd_header,
    ),
    EQUIPMENT: (_without_kind, _number_as_text),
}


def broken_like(draft: Draft, way: int, event_id: str) -> Draft:
    """A broken event with the key of a good one, so that both come to one partition. `way` is counted round."""
    ways = BROKEN[draft.topic]
    return replace(ways[way % len(ways)](draft.key, event_id), key=draft.key)

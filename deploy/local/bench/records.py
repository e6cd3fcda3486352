"""The records of the benchmark: about 600 bytes, five headers of a binary CloudEvent, in as many lanes as asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

from deploy.local.bench.contracts.orders import SOURCE

Route = Literal["safe", "create", "never", "ask", "alone"]

_NOTE = (
    "Deliver between eight and twelve, the gate at the back is open; leave it with the porter "
    "if nobody answers. The invoice goes to the accounts department, with the number of the project; "
    "a copy goes to the customer, who is to sign for it and send it back in May."
)
_VALUE = (
    '{"order_id":"O-%d","sequence":%d,"customer":"customer %06d of the northern district",'
    '"status":"paid","quantity":%d,"amount":%d.25,"placed_at":"2025-03-14T09:%02d:%02d.535Z","note":"%s"}'
)
_SECONDS_PER_HOUR = 3600


class Sent(NamedTuple):
    """What is produced for one record."""

    key: bytes
    value: bytes
    headers: list[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Load:
    """What is in a topic."""

    events: int
    keys: int
    route: Route = "safe"
    partitions: int = 4

    @property
    def topic(self) -> str:
        return f"bench-{self.route}-{self.events}-{self.keys}-{self.partitions}"


def record(sequence: int, keys: int, route: Route) -> Sent:
    """The record of that number: records `keys` apart belong to the same order."""
    entity = sequence % keys
    minute, second = divmod(sequence % _SECONDS_PER_HOUR, 60)
    value = _VALUE % (
        entity,
        sequence,
        entity,
        sequence % 97 + 1,
        sequence % 1009,
        minute,
        second,
        _NOTE,
    )
    headers = [
        ("ce_specversion", b"1.0"),
        ("ce_id", b"5f0f1c9e-6a0f-4f4e-9d1d-%012d" % sequence),
        ("ce_source", SOURCE.encode()),
        ("ce_type", b"com.example.order.%b.v1" % route.encode()),
        ("ce_time", b"2025-03-14T09:26:53.535Z"),
    ]
    return Sent(b"O-%d" % entity, value.encode(), headers)

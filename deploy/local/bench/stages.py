"""Times each stage of an event by itself, in a process of its own, and prints microseconds of CPU an event as JSON.

A profiler would charge each Python call for being watched; small loops over the real functions do not.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from aiokafka.structs import ConsumerRecord

from consumer.foundry.config import FoundryConfig, Secret
from consumer.foundry.opening import open_foundry
from consumer.model import ActionType, Partition, Prepared, Request, Session
from consumer.pipeline import make_prepare
from consumer.stages.authorise import authorise
from consumer.stages.decode import decode
from consumer.stages.headers import Limits as RecordLimits
from consumer.stages.mapping import lane_of, map_event
from consumer.stages.route import find_contract, find_route
from consumer.stages.validate import validate
from consumer.state.ledger import Ledger
from consumer.state.limits import Limits
from consumer.state.tenure import Tenure
from consumer.state.workload import Workload
from consumer.telemetry import Failing, Sums, Telemetry, TracedActions
from deploy.local.bench.contenders.job import (
    BATCH,
    CLIENT_ID,
    CLIENT_SECRET,
    ONTOLOGY,
    Job,
    post,
    sending,
)
from deploy.local.bench.contenders.loop import make_encode
from deploy.local.bench.contracts.orders import TOPIC, OrderPlaced, SetOrder, orders, set_order
from deploy.local.bench.records import record

EVENTS: Final = 2_000
REPEATS: Final = 9
KEYS: Final = 10_000
SLOTS: Final = 16
_REQUESTS: Final = 800
_MICRO: Final = 1e6


def best(work: Callable[[], object]) -> float:
    """Microseconds of CPU an event, of the quickest of several times over all events."""
    taken = []
    for _ in range(REPEATS):
        begin = time.process_time()
        work()
        taken.append(time.process_time() - begin)
    return min(taken) / EVENTS * _MICRO


def made_records() -> list[ConsumerRecord[bytes, bytes]]:
    """As the client library gives them."""
    made = []
    for offset in range(EVENTS):
        key, value, headers = record(offset, KEYS, "safe")
        made.append(
            ConsumerRecord(
                TOPIC, 0, offset, 0, 0, key, value, None, len(key), len(value), tuple(headers)
            )
        )
    return made


def stages_of_prepare(records: list[Any]) -> Iterator[tuple[str, float]]:
    """Each stage alone, over what the one before it gave."""
    limits = RecordLimits()
    contract = find_contract(TOPIC, {TOPIC: orders})
    yield "decode", best(lambda: [decode(each, contract.type_from, limits) for each in records])
    envelopes = [decode(each, contract.type_from, limits) for each in records]

    def route_all() -> None:
        for each in envelopes:
            find_route(each, contract.routes)
            authorise(each, contract.sources)

    yield "route, authorise", best(route_all)
    route = find_route(envelopes[0], contract.routes)
    yield "validate", best(lambda: [validate(each, route.model) for each in envelopes])
    events = [validate(each, route.model) for each in envelopes]
    mapped = best(lambda: [route.function(each) for each in events])
    actions = [set_order(event) for event in events if isinstance(event, OrderPlaced)]
    encoded = best(lambda: [each.call() for each in actions])
    together = list(zip(events, records, envelopes, strict=True))
    whole = best(lambda: [map_event(e, route, r, v) for e, r, v in together])
    yield "map: the owner's function", mapped
    yield "encode the action", encoded
    yield "check what was mapped", max(0.0, whole - mapped - encoded)
    pairs = list(zip(records, events, strict=True))
    yield "lane", best(lambda: [lane_of(r, e, route) for r, e in pairs])


def lanes_and_ledger(prepared: list[Prepared]) -> float:
    """From a prepared record to its settlement, without the request; what fills the lists anew is taken off."""
    limits = Limits(
        max_records=EVENTS,
        max_bytes=2**30,
        max_span=EVENTS,
        max_in_flight=SLOTS,
        batch_size=BATCH,
        commit_interval=1.0,
        request_timeout=15.0,
        settle_time=30.0,
        grace=25.0,
    )

    def settle_all() -> None:
        workload = Workload(limits)
        tenure = Tenure(
            Partition(TOPIC, 0),
            Session("bench", 1),
            Ledger(0, max_span=EVENTS),
            suspects_until=0.0,
        )
        for entry in prepared:
            tenure.ledger.receive(entry.record.offset)
            entry.tenure, entry.applied = tenure, 0
            workload.took(entry.size)
            workload.lanes.add(entry)
        for group in workload.lanes.turns():
            while entries := group.take():
                for entry in entries:
                    workload.advance(entry)

    return best(settle_all)


async def requests(sink: str, prepared: list[Prepared]) -> dict[str, float]:
    """A request's share of an event: by the service's edge, traced, and by a bare session."""
    entries = prepared[:BATCH]
    parameters = [entry.call.parameters for entry in entries]
    config = FoundryConfig(sink, ONTOLOGY, CLIENT_ID, Secret(CLIENT_SECRET))
    job = Job("", TOPIC, "", sink, SLOTS)
    url = job.url(SetOrder.action_type.name, "applyBatch")
    body = b'{"requests":[{"parameters":%b}]}' % b'},{"parameters":'.join(parameters)
    async with open_foundry(config) as foundry, sending() as session:
        actions = TracedActions(foundry.actions, Failing())
        action = ActionType(SetOrder.action_type.name)

        async def serve() -> None:
            await actions.send(Request(action, parameters, entries, lambda: True))

        async def bare() -> None:
            await post(session, url, body)

        return {"request": await _share(serve), "bare request": await _share(bare)}


async def _share(send: Callable[[], Any]) -> float:
    async def slot() -> None:
        for _ in range(_REQUESTS // SLOTS):
            await send()

    taken = []
    for _ in range(3):
        begin = time.process_time()
        await asyncio.gather(*(slot() for _ in range(SLOTS)))
        taken.append(time.process_time() - begin)
    return min(taken) / _REQUESTS / BATCH * _MICRO


async def main(sink: str) -> None:
    """Print all figures."""
    records = made_records()
    prepare = make_prepare({TOPIC: orders})
    stages = dict(stages_of_prepare(records))
    whole = best(lambda: [prepare(each) for each in records])
    stages["make the prepared record"] = max(0.0, whole - sum(stages.values()))
    prepared = [each for each in map(prepare, records) if isinstance(each, Prepared)]
    stages["lanes and ledger"] = lanes_and_ledger(prepared)
    watch = Telemetry(Sums(topics=[TOPIC]), time.monotonic)
    for entry in prepared:
        entry.applied = 0
    stages["metrics"] = best(lambda: watch.applied(prepared, already=False))
    found = await requests(sink, prepared)
    encode = make_encode()
    bare_work = best(lambda: [encode(each) for each in records])
    told = {"service": stages | {"request": found["request"]}}
    told["loop"] = {"record": bare_work, "request": found["bare request"]}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))

"""The loop without guarantees: the same work on each record as the service does, as fast as it can be written.

The same check for duplicate keys, the same event model validated from the JSON text, the same action, batches of
20, a commit each second. A request's actions are encoded by one call: nothing here needs one alone. No order, no
ledger, no claim, no dead letter, no retry, no deadline: whatever fails ends it, and a kill loses what was read.
Same Python, same Kafka client, same HTTP client.
"""

# mypy: allow-untyped-calls
# The client library ships no types of its own.

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable, Sequence
from typing import Any

import jiter
from pydantic import TypeAdapter

from deploy.local.bench.contenders.job import Job, post, reading, sending
from deploy.local.bench.contenders.supply import Supply, commit_often
from deploy.local.bench.contracts.orders import SetOrder, orders

Encode = Callable[[Any], bytes]
Body = Callable[[Sequence[Any]], bytes]


def make_encode() -> Encode:
    """From a record to its action's parameters; everything that can be looked up before is."""
    from_json = jiter.from_json
    table = {
        name.encode(): (
            route.model.__pydantic_validator__.validate_json,
            route.function,
            route.actions[0].__pydantic_serializer__.to_json,
        )
        for name, route in orders.routes.items()
    }

    def encode(record: Any) -> bytes:
        value = record.value
        validate, function, to_json = table[dict(record.headers)["ce_type"]]
        from_json(value, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
        return to_json(function(validate(value)), by_alias=True, exclude_unset=True)

    return encode


def make_body() -> Body:
    """From a batch to its request's body: the same on each record, without a call for each, and encoded at one go."""
    from_json = jiter.from_json
    table = {
        name.encode(): (route.model.__pydantic_validator__.validate_json, route.function)
        for name, route in orders.routes.items()
    }
    to_json = TypeAdapter(dict[str, list[dict[str, SetOrder]]]).serializer.to_json

    def body(batch: Sequence[Any]) -> bytes:
        requests = []
        for record in batch:
            value = record.value
            # Cheaper than a dictionary of them.
            for name, text in record.headers:
                if name == "ce_type":
                    validate, function = table[text]
                    break
            else:
                raise KeyError("ce_type")
            from_json(value, catch_duplicate_keys=True, allow_inf_nan=False, cache_mode="keys")
            requests.append({"parameters": function(validate(value))})
        return to_json({"requests": requests}, by_alias=True, exclude_unset=True)

    return body


async def main(job: Job) -> None:
    """Consume until all is sent."""
    body = make_body()
    url = job.url(SetOrder.action_type.name, "applyBatch")
    # Nothing here makes cycles: looking for them would only cost.
    gc.freeze()
    gc.disable()
    async with reading(job) as consumer, sending() as session:
        supply = Supply(consumer, job.wanted)

        async def slot() -> None:
            while batch := await supply.batch():
                await post(session, url, body(batch))

        committing = asyncio.create_task(commit_often(consumer), name="commits")
        async with asyncio.TaskGroup() as slots:
            for _ in range(job.in_flight):
                slots.create_task(slot())
        committing.cancel()
        await consumer.commit()


if __name__ == "__main__":
    asyncio.run(main(Job.told()))

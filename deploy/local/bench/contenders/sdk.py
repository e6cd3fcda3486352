"""The platform's official SDK: its asynchronous client, 64 actions gathered at a time, a commit for each gathering."""

# mypy: allow-untyped-calls
# The client library ships no types of its own.

from __future__ import annotations

import asyncio
import json

import foundry_sdk

from deploy.local.bench.contenders.job import CLIENT_ID, CLIENT_SECRET, ONTOLOGY, Job, reading
from deploy.local.bench.contenders.loop import make_encode
from deploy.local.bench.contracts.orders import SetOrder

GATHERED = 64


def open_client(job: Job) -> foundry_sdk.AsyncFoundryClient:
    """The client as its documentation makes it; `preview`, as the asynchronous one is said to be in beta."""
    host = job.sink.removeprefix("http://")
    auth = foundry_sdk.ConfidentialClientAuth(
        client_id=CLIENT_ID,
        client_secret=CLIENT_SECRET,
        scopes=["api:ontologies-read", "api:ontologies-write"],
        should_refresh=False,
    )
    config = foundry_sdk.Config(scheme="http")
    return foundry_sdk.AsyncFoundryClient(auth=auth, hostname=host, config=config, preview=True)


async def main(job: Job) -> None:
    """Consume until all is sent."""
    encode = make_encode()
    apply = open_client(job).ontologies.Action.apply
    left = job.wanted
    async with reading(job) as consumer:
        while left:
            taken = await consumer.getmany(timeout_ms=1000, max_records=min(GATHERED, left))
            records = [record for each in taken.values() for record in each]
            await asyncio.gather(
                *(
                    apply(
                        ONTOLOGY,
                        SetOrder.action_type.name,
                        # The SDK takes parameters as Python values, and encodes them itself.
                        parameters=json.loads(encode(record)),
                    )
                    for record in records
                )
            )
            await consumer.commit()
            left -= len(records)


if __name__ == "__main__":
    asyncio.run(main(Job.told()))

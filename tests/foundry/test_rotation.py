"""The secret is replaced and the token dies, with hundreds of requests on their way: nobody notices."""

from __future__ import annotations

import asyncio
from pathlib import Path

from consumer.foundry.opening import open_foundry
from consumer.outcomes import Applied
from consumer.settings import Secret
from deploy.local.foundry import Client, Fault, serve
from tests.foundry.test_emulator import CREATE, asking, settings, ticket

AT_ONCE = 500


async def test_a_token_that_dies_with_a_rotated_secret_costs_one_fetch_and_no_record(
    tmp_path: Path,
) -> None:
    file = tmp_path / "secret"
    file.write_text("of before")
    client = Client("consumer", {"of before"})
    async with serve(clients=[client]) as stack:
        secret = Secret("foundry.client_secret", path=file)
        config = settings(stack, client_secret=secret, max_in_flight=AT_ONCE)
        async with open_foundry(config) as foundry:
            assert await foundry.actions.send(asking(CREATE, ticket(0))) == Applied()
            stack.faults.switch_on(Fault("latency", seconds=0.2))

            async def send(number: int) -> object:
                return await foundry.actions.send(asking(CREATE, ticket(number)))

            on_their_way = [asyncio.create_task(send(n)) for n in range(1, AT_ONCE + 1)]
            while stack.in_flight < AT_ONCE / 2:
                await asyncio.sleep(0.01)
            client.secrets.clear()
            client.secrets.add("of now")
            file.write_text("of now")
            stack.identity.expire_all()
            later = [asyncio.create_task(send(AT_ONCE + n)) for n in range(1, AT_ONCE + 1)]
            outcomes = await asyncio.gather(*on_their_way, *later)

            assert outcomes == [Applied()] * (2 * AT_ONCE)
            assert foundry.tokens.fetched == 2
            assert foundry.tokens.failed == 0
        assert stack.requests.by_status[401] > 1
        assert len(stack.effects) == 2 * AT_ONCE + 1

"""For playing with a demo that stays: publish one event, read the letters."""

from __future__ import annotations

import json
import os
import shlex
import sys
import uuid

from deploy.local.demo.events import (
    EQUIPMENT,
    PARTITIONS,
    TICKETS,
    Already,
    Draft,
    cloud_headers,
    encoded,
)
from deploy.local.demo.kafka import Names, connected
from deploy.local.demo.world import World

EXAMPLE = {
    "ticket_id": "T-7000001",
    "title": "My printer is on fire",
    "priority": "high",
    "opened_at": "2026-03-01T09:30:00Z",
}
EXAMPLE_TYPE = "com.example.ticket.opened.v1"


async def publish(broker: str, prefix: str, topic: str, key: str, kind: str, value: str) -> str:
    """Publish one event as its topic wants it; where it stands then."""
    headers = cloud_headers(f"by-hand-{uuid.uuid4()}", kind) if topic == TICKETS else ()
    draft = Draft(topic, key, value.encode(), headers, Already())
    async with connected(broker, Names(prefix)) as kafka:
        published = await (await kafka.publish(draft))
    return str(published.place)


async def letters(broker: str, prefix: str) -> list[str]:
    """Each letter as one JSON object."""
    async with connected(broker, Names(prefix)) as kafka:
        found = await kafka.letters()
    return [
        json.dumps(
            {
                "about": str(letter.place),
                "reason": letter.reason,
                "detail": letter.detail,
                "key": None if letter.key is None else letter.key.decode(errors="replace"),
                "value": None if letter.value is None else letter.value.decode(errors="replace"),
            },
            ensure_ascii=False,
        )
        for letter in found
    ]


def invitation(world: World) -> str:
    """Commands that work as they stand, from the folder that the demo was started in."""
    python = shlex.quote(os.path.relpath(sys.executable))
    demo = f"{python} -m deploy.local.demo"
    where = f"--broker {world.bootstrap_servers}"
    if world.names.prefix:
        where += f" --prefix {world.names.prefix}"
    value = shlex.quote(encoded(EXAMPLE).decode())
    broken = shlex.quote('{"ticket_id": "T-7000001"}')
    url = f"{world.foundry_url}/__control__"
    log = shlex.quote(str(world.log))
    admin = f"http://127.0.0.1:{world.admin_port}"
    verb = f'curl -s -X POST -H "Authorization: Bearer $(cat {shlex.quote(str(world.operator_token))})" {admin}'
    return f"""Everything keeps running until Ctrl-C. In another terminal, from this folder:

  publish an event     {demo} publish {where} --key T-7000001 --type {EXAMPLE_TYPE} {value}
  and a broken one     {demo} publish {where} --key T-7000001 --type {EXAMPLE_TYPE} {broken}
  read the letters     {demo} letters {where}
  see what was applied curl -s '{url}/objects/Ticket' | tail -c 400
  take Foundry down    curl -s -X POST -H 'Content-Type: application/json' -d '"status:status=503,duration=10"' {url}/faults
  watch the service    tail -f {log}
  how it is            curl -s {admin}/status
  have it pause        {verb}/pause
  and go on            {verb}/resume
  ask its doctor       {python} -m consumer doctor --config {shlex.quote(str(world.config))}

The topics are {" and ".join(PARTITIONS)}; for {EQUIPMENT} leave --type out and give --topic {EQUIPMENT}."""

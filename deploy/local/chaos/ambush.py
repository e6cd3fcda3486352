"""Points between two steps of a request at which a process is made to stand still, or to die: no clock hits them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import Signals

from deploy.local.chaos.failpoint import HIT, write_whole
from deploy.local.chaos.patches import Patch
from deploy.local.chaos.phases import BEFORE_CLAIM, CLAIMED, SENT, UNANSWERED, UNCOMMITTED
from deploy.local.demo.evidence import Place

LOOK_EVERY = 0.02
GETS_THERE_WITHIN = 10.0
"""Seconds in which a process that is at work gets to any point of a request."""
REACHED = '__import__("deploy.local.chaos.failpoint", fromlist=["reached"]).reached'
COMMIT = "        results = await self._source_commit(\n"
REQUEST = "        request = Request(call.action, parameters, entries, may_send)\n"
WRITE = "        self.phase = Phase.SENT\n        await writer.write(self._value)\n"
READ = "            reply = await read_reply(response)\n            read = reply.complete\n"
SETTLED = "                self._workload.settle(entries)\n"

POINTS: Mapping[str, Patch] = {
    # The commit is on the wire when the loop turns again.
    BEFORE_CLAIM: Patch(
        "commits.py",
        COMMIT,
        "        if any(claims for _, _, claims in content.values()):\n"
        f"            asyncio.get_running_loop().call_soon({REACHED}, {BEFORE_CLAIM!r})\n{COMMIT}",
    ),
    # Where the last check begins, with a connection there and nothing written to it.
    CLAIMED: Patch(
        "send.py",
        REQUEST,
        "        if entries[0].repeat.claimed:\n"
        "            check, batch = may_send, list(entries)\n"
        f"            may_send = lambda: ({REACHED}({CLAIMED!r}, batch), check())[1]\n{REQUEST}",
    ),
    SENT: Patch("foundry/transport.py", WRITE, f"{WRITE}        {REACHED}({SENT!r})\n"),
    # An answer is there, and not read.
    UNANSWERED: Patch(
        "foundry/exchange.py", READ, f"            {REACHED}({UNANSWERED!r})\n{READ}"
    ),
    UNCOMMITTED: Patch(
        "submit.py", SETTLED, f"{SETTLED}                {REACHED}({UNCOMMITTED!r}, entries)\n"
    ),
}


@dataclass(frozen=True, slots=True)
class Hit:
    """A process got there, and did it to itself. `time` is seconds since the epoch."""

    point: str
    time: float
    places: Sequence[Place]
    """Of what it had in hand, where the point is a request's; topics by their names here."""


async def hit(order: Path, point: str, signal: Signals, repeat: str | None = None) -> Hit | None:
    """Have a process send itself this signal there: with a request of this `repeat` in hand, if one is named.

    `order`: where it looks for what it is to do. None: it did not get there in time, and goes on.
    """
    mark = order.with_name(order.name + HIT)
    write_whole(order, {"point": point, "signal": int(signal), "repeat": repeat})
    deadline = time.monotonic() + GETS_THERE_WITHIN
    while not mark.exists():
        if time.monotonic() > deadline and _withdrawn(order):
            return None
        await asyncio.sleep(LOOK_EVERY)
    return _told(mark, point)


def _withdrawn(order: Path) -> bool:
    """False: it has just been taken up, and is carried out."""
    try:
        order.unlink()
    except FileNotFoundError:
        return False
    return True


def _told(mark: Path, point: str) -> Hit:
    told = json.loads(mark.read_text())
    mark.unlink()
    return Hit(point, told["time"], [Place(*place) for place in told["places"]])

"""A process of little memory that reads a topic until a partition of it stands still.

`python -m tests.kafka.bounded_reader SERVERS TOPIC COUNT` prints what it says then, and how much memory it took.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys

from tests.kafka.member import config, joined

MORE = 256 * 2**20
"""Bytes of address space beyond what the program itself takes."""


async def main(servers: str, topic: str, count: int) -> None:
    async with joined(config(servers), topic) as member:
        taken = await member.take(count)
        _limit()
        async with asyncio.timeout(60):
            while not member.source.stuck:
                await member.poll_for(0.1)
        told = {
            "taken": [each.offset for each in taken],
            "stuck": {each.partition: why for each, why in member.source.stuck.items()},
            "mebibytes": _peak_kibibytes() // 1024,
        }
        sys.stdout.write(json.dumps(told))


def _peak_kibibytes() -> int:
    """Of this program alone: `ru_maxrss` begins with what its parent took."""
    with open("/proc/self/status", encoding="ascii") as status:  # noqa: PTH123 - no path of ours
        return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))


def _limit() -> None:
    with open("/proc/self/statm", encoding="ascii") as statm:  # noqa: PTH123 - no path of ours
        taken = int(statm.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + MORE, taken + MORE))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))

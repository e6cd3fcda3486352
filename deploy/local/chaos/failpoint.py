"""The service's side of an ambush: called by a patched copy of it, at the points where it may have to stand still or die."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ORDER_FILE = "CHAOS_FAILPOINT"
"""The environment's variable with the path at which an order is laid."""
HIT = ".hit"
"""What is added to the name of the order's file: there it is said that it was carried out."""
TASKS = ".tasks"


def reached(point: str, entries: Sequence[Any] = ()) -> None:
    """Carry out an order for this point: say what is in hand, then send the signal to itself.

    An order is for one of these requests only where it names their `repeat`.
    """
    path = Path(os.environ[ORDER_FILE])
    try:
        order = json.loads(path.read_text())
    except FileNotFoundError:
        return
    if order["point"] != point or not _meant(order["repeat"], entries):
        return
    path.unlink()
    records = [each.record for each in entries]
    places = [(each.topic, each.partition, each.offset) for each in records]
    write_whole(path.with_name(path.name + HIT), {"time": time.time(), "places": places})
    # To this thread: when the call returns the signal has been received, or the process continued.
    signal.raise_signal(order["signal"])


def tell_tasks(number: int) -> None:
    """How many tasks there are: beside the order's file."""
    path = Path(os.environ[ORDER_FILE])
    write_whole(path.with_name(path.name + TASKS), number)


def _meant(repeat: str | None, entries: Sequence[Any]) -> bool:
    return repeat is None or any(each.repeat.value == repeat for each in entries)


def write_whole(path: Path, content: object) -> None:
    """Whoever finds it finds all of it."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(json.dumps(content))
    fresh.replace(path)

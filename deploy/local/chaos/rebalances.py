"""How often a group rebalanced: its generation, as the brokers told it to the members' client library."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

_GENERATION = re.compile(r"Joined group '[^']*' \(generation (\d+)\)")


def rebalances(logs: Iterable[Path]) -> int:
    """The highest generation in these logs: brokers count from 1, one for each rebalance."""
    found = (_GENERATION.findall(log.read_text(errors="replace")) for log in logs)
    return max((int(number) for numbers in found for number in numbers), default=0)

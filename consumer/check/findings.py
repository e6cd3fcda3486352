"""What is reported about one thing that was checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was checked: whether it is all right, and what to do if not."""

    level: Level
    where: str
    what: str
    remedy: str = ""


def failed(findings: Sequence[Finding]) -> bool:
    """True if any of them failed."""
    return any(finding.level == "fail" for finding in findings)

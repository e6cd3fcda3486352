"""What is said of one thing that was looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Level = Literal["ok", "warn", "fail", "skip"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: how it stands, and what to do where it does not."""

    level: Level
    where: str
    what: str
    remedy: str = ""


def failed(findings: Sequence[Finding]) -> bool:
    """True where the answer is no."""
    return any(finding.level == "fail" for finding in findings)

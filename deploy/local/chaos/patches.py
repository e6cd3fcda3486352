"""Changes of the service's source, written down as text, and made in a copy of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import consumer
from deploy.local.chaos.failed import ChaosFailed

PACKAGE = Path(consumer.__file__).parent


@dataclass(frozen=True, slots=True)
class Patch:
    """It rots loudly: `old` must stand in `file` exactly once."""

    file: str
    """Below the package."""
    old: str
    new: str


def patched(patches: Iterable[Patch], folder: Path) -> Path:
    """`folder`, with a copy of the package in it that these have changed, one after another.

    Raises:
        ChaosFailed: an old text is not there, or more than once.
    """
    copied = folder / PACKAGE.name
    shutil.copytree(PACKAGE, copied, ignore=shutil.ignore_patterns("__pycache__"))
    for patch in patches:
        path = copied / patch.file
        source = path.read_text()
        found = source.count(patch.old)
        if found != 1:
            raise ChaosFailed(
                f"what is to be changed stands {found} times in {patch.file}: {patch.old!r}"
            )
        path.write_text(source.replace(patch.old, patch.new))
    return folder

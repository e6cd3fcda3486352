"""A seeded defect: one change of the source, the law it breaks, and the test that has to notice."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutation:
    """Written down as text, so that it rots loudly: `old` must stand in `file` exactly once."""

    name: str
    law: int
    """Number of the promise that it breaks, 1 to 12."""
    file: str
    """Below the root of the project."""
    old: str
    new: str
    suite: str
    """The file of the test that has to notice."""
    test: str
    """Its name in there; without parameters all of them run, up to the first that fails."""
    says: str
    """Searched for in the failure itself (a pattern): another one is a test that fails for another reason."""
    why: str
    """What a user would suffer."""
    rule: int | None = None
    """Number of the rule of claims that it switches off, 1 to 18, where it is one of them."""

    def __str__(self) -> str:
        return self.name

    @property
    def noticed_by(self) -> str:
        """The node id that pytest is given."""
        return f"{self.suite}::{self.test}"

    def apply(self, root: Path) -> None:
        """Change the file below `root`.

        Raises:
            LookupError: the old text is not there, or more than once.
        """
        path = root / self.file
        source = path.read_text()
        found = source.count(self.old)
        if found != 1:
            raise LookupError(f"{self.name}: the old text stands {found} times in {self.file}")
        # The copy shares its files with others through hard links: replaced, never written into.
        path.unlink()
        path.write_text(source.replace(self.old, self.new))

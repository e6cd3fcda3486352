"""Markdown pages, taken apart as far as the tests need it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = ("README.md", "CHANGELOG.md", "consumer/DESIGN.md", "schemas/README.md")

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^`([\w./-]+)`\n\n```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_CODE = re.compile(r"`([^`\n]+)`")


@dataclass(frozen=True, slots=True)
class Page:
    """One page, by its path below the repository's root."""

    path: str

    @property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @property
    def prose(self) -> str:
        """All but the fenced blocks."""
        return _FENCE.sub("", self.text)

    @property
    def links(self) -> list[str]:
        return _LINK.findall(self.prose)

    @property
    def anchors(self) -> set[str]:
        """What `#...` may name: headings as the usual hosts spell them."""
        return {_anchor(heading) for heading in _HEADING.findall(self.prose)}

    @property
    def code(self) -> list[str]:
        """Everything between backticks, in the prose."""
        return _CODE.findall(self.prose)

    @property
    def files(self) -> Mapping[str, str]:
        """Blocks under a line that is a file's name alone: what the reader is to write there."""
        return dict(_FILE.findall(self.text))

    def blocks(self, language: str) -> list[str]:
        return [body for _, kind, body in _FENCE.findall(self.text) if kind == language]

    def commands(self) -> Iterator[str]:
        """Every line of a shell block, without its comment, and every command in the prose."""
        for block in self.blocks("sh"):
            yield from (line.partition(" #")[0].strip() for line in block.splitlines())
        yield from self.code

    def table(self, *head: str) -> list[list[str]]:
        """The rows of the table with these column titles (as many as are given, from the left)."""
        lines = self.prose.splitlines()
        for number, line in enumerate(lines):
            if line.startswith("|") and tuple(_cells(line)[: len(head)]) == head:
                return list(_rows(lines[number + 2 :]))
        raise AssertionError(f"{self.path} has no table {head}")


def _rows(lines: list[str]) -> Iterator[list[str]]:
    for line in lines:
        if not line.startswith("|"):
            return
        yield _cells(line)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split("|")]


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def bare(cell: str) -> str:
    """A cell's text without backticks."""
    return cell.replace("`", "")

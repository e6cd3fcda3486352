"""Private names of the client library stand in one folder, and the start-up test looks at each."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer import kafka
from consumer.kafka import library
from consumer.kafka.library.self_test import ATTRIBUTES, CALLERS

KAFKA, LIBRARY = Path(kafka.__path__[0]), Path(library.__path__[0])
BY_NAME = {"getattr", "setattr", "hasattr", "delattr"}


def private_names(source: str) -> Iterator[str]:
    """Those of objects other than the one whose method it is, in code and in a text for `getattr`."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Attribute(ast.Name("self" | "cls"), _):
                continue
            case ast.Attribute(_, name):
                found: object = name
            case ast.Call(ast.Name(function), [_, ast.Constant(found), *_]) if function in BY_NAME:
                pass
            case _:
                continue
        if isinstance(found, str) and found.startswith("_") and not found.startswith("__"):
            yield found


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("consumer._client.close()", ["_client"]),
        ("self._client._wait(1)", ["_wait"]),
        ("getattr(consumer, '_client')", ["_client"]),
        ("self._client.send(module.__name__, text='_no')", []),
    ],
)
def test_a_private_name_is_seen_wherever_it_stands(source: str, found: list[str]) -> None:
    assert list(private_names(source)) == found


def test_no_private_name_stands_outside_the_folder() -> None:
    modules = [path for path in KAFKA.rglob("*.py") if LIBRARY not in path.parents]

    assert len(modules) > 10
    for path in modules:
        assert not list(private_names(path.read_text(encoding="utf-8"))), path.name


def test_the_start_up_test_looks_at_each() -> None:
    used = {
        name
        for path in LIBRARY.glob("*.py")
        for name in private_names(path.read_text(encoding="utf-8"))
    }
    looked_at = {name for names in ATTRIBUTES.values() for name in names}
    looked_at |= {name for function, used_ in CALLERS for name in (used_, function.__name__)}

    assert "_coordinator" in used
    assert used <= looked_at

"""The contracts package is imported whole, and what is wrong with it is said with file and line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from consumer.contracts import ContractError, load

_NAMES = count()

HEAD = """
from consumer.contracts import Action, Contract, Event

class Opened(Event):
    ticket_id: str

class Create(Action, api_name="create-ticket"):
    ticket_id: str
"""
TICKETS = """
{name} = Contract("{topic}")

@{name}.on("opened", Opened)
def create(event: Opened) -> Create:
    return Create(ticket_id=event.ticket_id)
"""


def contract(topic: str, name: str = "tickets") -> str:
    return HEAD + TICKETS.format(name=name, topic=topic)


class Packages:
    """Writes packages, each under a name that was never imported."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def write(self, **files: str) -> str:
        name = f"contracts_of_a_test_{next(_NAMES)}"
        for path, text in ({"__init__": ""} | files).items():
            file = self._root / name / f"{path.replace('__in__', '/')}.py"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return name


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Packages]:
    path = list(sys.path)
    monkeypatch.chdir(tmp_path)
    yield Packages(tmp_path)
    sys.path[:] = path


def test_contracts_of_all_modules_are_collected_from_the_working_directory(
    packages: Packages, tmp_path: Path
) -> None:
    name = packages.write(one=contract("one"), deep__in____init__="", deep__in__two=contract("two"))

    contracts = load(name)

    assert sorted(contracts.by_topic) == ["one", "two"]
    assert contracts.folder == tmp_path / name


def test_a_package_without_init_is_a_package(packages: Packages, tmp_path: Path) -> None:
    name = packages.write(one=contract("one"))
    (tmp_path / name / "__init__.py").unlink()

    contracts = load(name)

    assert list(contracts.by_topic) == ["one"]
    assert contracts.folder == tmp_path / name


def test_one_module_may_be_the_whole_package(packages: Packages, tmp_path: Path) -> None:
    (tmp_path / "contracts_in_one_file.py").write_text(contract("one"))

    contracts = load("contracts_in_one_file")

    assert contracts.folder == tmp_path


def test_a_contract_seen_in_two_modules_is_one(packages: Packages) -> None:
    name = packages.write(one=contract("one"), other="from .one import tickets")

    assert list(load(name).by_topic) == ["one"]


def test_main_modules_are_not_run(packages: Packages) -> None:
    name = packages.write(one=contract("one"), __main__="raise SystemExit(3)")

    assert list(load(name).by_topic) == ["one"]


def test_a_topic_may_have_another_name_at_the_broker(packages: Packages) -> None:
    name = packages.write(one=contract("one"), two=contract("two"))

    by_topic = load(name, {"one": "prod.one"}).by_topic

    assert {topic: found.topic for topic, found in by_topic.items()} == {
        "prod.one": "one",
        "two": "two",
    }


@pytest.mark.parametrize(
    ("text", "line", "cause"),
    [
        ("x = 1\nraise KeyError('no')", 2, r"KeyError: 'no'"),
        ("\n\ndef broken(:\n    pass", 3, r"SyntaxError"),
        ("import nothing_of_that_name", 1, r"ModuleNotFoundError: No module named 'nothing_of"),
        (HEAD + "\nlate: Event = Opened()", 10, r"ValidationError"),
        # Else the process would end there, with 0 and without a word.
        ("import sys\nsys.exit(0)", 2, r"SystemExit: 0"),
        (HEAD + "\nclass Odd(Event):\n    value: object.__new__", 10, r"Error"),
    ],
)
def test_a_module_that_cannot_be_imported_is_named_with_line_and_cause(
    packages: Packages, tmp_path: Path, text: str, line: int, cause: str
) -> None:
    name = packages.write(broken=text)

    with pytest.raises(ContractError, match=cause) as refused:
        load(name)

    assert str(refused.value).startswith(f"{tmp_path / name / 'broken.py'}:{line}: ")
    assert "consumer.contracts" not in str(refused.value), "the import path is right"
    assert refused.value.__cause__ is not None


def test_a_broken_package_itself_is_named_too(packages: Packages, tmp_path: Path) -> None:
    name = packages.write(__init__="1 / 0")

    with pytest.raises(ContractError, match="ZeroDivisionError") as refused:
        load(name)

    assert str(refused.value).startswith(f"{tmp_path / name / '__init__.py'}:1: ")


def test_a_contract_error_keeps_its_own_words(packages: Packages, tmp_path: Path) -> None:
    name = packages.write(one=HEAD + '\ntickets = Contract("a topic")')

    with pytest.raises(ContractError) as refused:
        load(name)

    assert str(refused.value).startswith(
        f"{tmp_path / name / 'one.py'}:10: 'a topic' is not a topic"
    )


@pytest.mark.parametrize("name", ["no_such_package", "no_such.package", "", ".relative", "a b"])
def test_a_package_that_is_not_there_is_named(packages: Packages, name: str) -> None:
    with pytest.raises(ContractError, match=r"cannot be imported .* set consumer\.contracts"):
        load(name)


def test_a_package_without_a_contract_is_refused(packages: Packages) -> None:
    with pytest.raises(ContractError, match="no Contract in"):
        load(packages.write(one="x = 1"))


def test_a_contract_without_a_route_is_refused(packages: Packages) -> None:
    """It would consume the topic and make a dead letter of every record."""
    name = packages.write(one=HEAD + '\ntickets = Contract("one")')

    with pytest.raises(ContractError, match=r"one\.py:10: the contract of 'one' has no route"):
        load(name)


def test_two_contracts_for_one_topic_are_refused_and_both_are_named(packages: Packages) -> None:
    name = packages.write(one=contract("same"), two=contract("same"))

    with pytest.raises(ContractError, match=r"two\.py:10: topic 'same' has .*one\.py:10"):
        load(name)


def test_two_topics_with_one_name_at_the_broker_are_refused(packages: Packages) -> None:
    name = packages.write(one=contract("one"), two=contract("two"))

    with pytest.raises(ContractError, match="topic 'two' has a contract already"):
        load(name, {"one": "two"})


def test_a_name_for_a_topic_that_no_contract_has_is_refused(packages: Packages) -> None:
    name = packages.write(one=contract("one"))

    with pytest.raises(ContractError, match=r"names on, which no contract has; there are: one"):
        load(name, {"on": "prod.one"})


@pytest.mark.parametrize(
    "text",
    [
        contract("one") + TICKETS.format(name="tickets", topic="two"),
        contract("one") + "\nnested = [Contract('two')]\n",
        contract("one") + "\nclass Nested:\n    inner = Contract('two')\n",
        contract("one") + "\ndef made() -> None:\n    Contract('two')\n\nmade()\n",
    ],
    ids=["one name for two", "in a list", "in a class", "in a function"],
)
def test_a_contract_that_nobody_would_find_is_refused(packages: Packages, text: str) -> None:
    """Its topic would not be consumed, and nobody would be told."""
    name = packages.write(one=text)

    with pytest.raises(
        ContractError, match=r"one\.py:\d+: the contract of '(one|two)' would not be found"
    ):
        load(name)


def test_a_type_that_was_given_no_function_is_refused(packages: Packages) -> None:
    """`on` without its `@`: each of its events would be a letter, and nobody would be told at the start."""
    name = packages.write(one=contract("one") + '\ntickets.on("closed", Opened)\n')

    with pytest.raises(
        ContractError, match=r"one\.py:16: 'closed' of the contract of 'one' has no function; write"
    ):
        load(name)


def test_what_on_gives_may_be_kept_and_used_later(packages: Packages) -> None:
    later = 'closed = tickets.on("closed", Opened)\nclosed(create)\n'
    name = packages.write(one=contract("one") + later)

    assert set(load(name).by_topic["one"].routes) == {"opened", "closed"}

"""From an import path to the table of contracts: topic -> event type -> route."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType, ModuleType

from consumer.contracts._faults import line_in_traceback
from consumer.contracts.actions import Action
from consumer.contracts.contract import MADE, Contract
from consumer.errors import RAISED_BY_OWNERS, ContractError


@dataclass(frozen=True, slots=True)
class Contracts:
    """Every contract that is consumed, by the topic's name on the broker."""

    by_topic: Mapping[str, Contract]
    folder: Path
    """Where the package is; its examples are in `examples/` below it."""

    @property
    def actions(self) -> Sequence[type[Action]]:
        """Every action class that some route may send, each once, by API name."""
        found = {
            action
            for contract in self.by_topic.values()
            for route in contract.routes.values()
            for action in route.actions
        }
        return sorted(found, key=lambda action: (action.action_type.name, action.__qualname__))


def load(import_path: str, topic_names: Mapping[str, str] = MappingProxyType({})) -> Contracts:
    """Import the contracts package with all its modules, and collect its contracts.

    The working directory is importable. `topic_names`: contract's topic -> its name on the broker.

    Raises:
        ContractError: an import failed (the message names file, line and cause), there is no contract, one has no
            route or no name, two have the same topic, or `topic_names` has a topic without a contract.
    """
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    package = _imported(import_path, None)
    folder = _folder(package)
    modules = [package, *_submodules(package, folder)]
    contracts = _collected(modules)
    _refuse_unnamed(modules, contracts)
    if not contracts:
        raise ContractError(
            f"{folder}: no Contract in {import_path!r}; "
            "define one at the top level of a module: name = Contract(topic)"
        )
    return Contracts(MappingProxyType(_by_topic(contracts, topic_names)), folder)


def _imported(name: str, folder: Path | None) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ContractError:
        raise
    # Importing runs the owners' code, which may raise anything, or exit: a script without
    # `if __name__ == "__main__"` could end the process in silence, with 0. What it raised is kept as the cause.
    except RAISED_BY_OWNERS as error:
        top = folder or _expected_folder(name)
        place = line_in_traceback(error, top)
        if place is None:
            remedy = "set consumer.contracts to the package's import path, and run in the folder above it"
        elif isinstance(error, ModuleNotFoundError):
            remedy = "install it, or correct the import"
        else:
            remedy = "correct it"
        raise ContractError(
            f"{place or name}: cannot be imported ({type(error).__name__}: {error}); {remedy}"
        ) from error


def _expected_folder(name: str) -> Path | None:
    """Where a package that failed to import should be, to find the line of the fault in its own files."""
    # Of the outermost package: finding an inner one would import the outer one, and fail again.
    try:
        spec = importlib.util.find_spec(name.partition(".")[0])
    except ValueError:  # an empty name, or a module without a spec
        return None
    return None if spec is None or spec.origin is None else Path(spec.origin).parent


def _folder(package: ModuleType) -> Path:
    if package.__file__ is None:
        return Path(next(iter(package.__path__)))
    return Path(package.__file__).parent


def _submodules(package: ModuleType, folder: Path) -> Iterator[ModuleType]:
    # `iter_modules` rather than `walk_packages`, which swallows what a package raises.
    for found in pkgutil.iter_modules(getattr(package, "__path__", ())):
        if found.name == "__main__":
            continue
        module = _imported(f"{package.__name__}.{found.name}", folder)
        yield module
        yield from _submodules(module, folder)


def _collected(modules: list[ModuleType]) -> list[Contract]:
    found = {
        id(value): value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Contract)
    }
    return list(found.values())


def _refuse_unnamed(modules: list[ModuleType], named: list[Contract]) -> None:
    """Refuse a contract whose name now stands for another one, or that never had a name.

    Its topic would not be consumed, and nobody would be told.

    Raises:
        ContractError: there is one.
    """
    files = {module.__file__ for module in modules}
    for contract in MADE:
        if contract not in named and contract.place.rpartition(":")[0] in files:
            raise ContractError(
                f"{contract.place}: the contract of {contract.topic!r} would not be found; "
                "give it a name of its own at the top level of its module"
            )


def _by_topic(contracts: list[Contract], topic_names: Mapping[str, str]) -> dict[str, Contract]:
    by_topic: dict[str, Contract] = {}
    for contract in contracts:
        name = topic_names.get(contract.topic, contract.topic)
        if name in by_topic:
            raise ContractError(
                f"{contract.place}: topic {name!r} has a contract already, at {by_topic[name].place}; "
                "keep one contract for each topic"
            )
        if not contract.routes:
            raise ContractError(
                f"{contract.place}: the contract of {contract.topic!r} has no route; "
                "map an event type with @contract.on(type, Model)"
            )
        for event_type in contract.begun.keys() - contract.routes.keys():
            raise ContractError(
                f"{contract.begun[event_type]}: {event_type!r} of the contract of {contract.topic!r} has no"
                " function; write @contract.on(type, Model) above one"
            )
        by_topic[name] = contract
    unknown = sorted(topic_names.keys() - {contract.topic for contract in contracts})
    if unknown:
        known = ", ".join(sorted(contract.topic for contract in contracts))
        raise ContractError(
            f"[topics] names {', '.join(unknown)}, which no contract has; there are: {known}"
        )
    return by_topic

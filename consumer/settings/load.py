"""File and environment -> settings, checked once, with all faults found in one go."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import EnvSettingsSource

from consumer.settings.faults import Fault, InvalidSettings, shown
from consumer.settings.rules import advice, broken_rules, variable
from consumer.settings.sections import SECTIONS, Section, Settings

DEFAULT_FILE = "consumer.toml"
MAX_FILE_BYTES = 1_048_576
_NAMES = (*(section.name for section in SECTIONS), "topics")
_S = TypeVar("_S", bound=Section)


def load_settings(config: Path | None = None, *, offline: bool = False) -> Settings:
    """Read the file (None: `consumer.toml` in the working directory, if there is one) and the environment.

    `offline`: a section of which nothing at all is set is not missing anything, as where contracts are written.

    Raises:
        InvalidSettings: all faults, each with key, value (no secret's), origin and remedy.
    """
    settings, faults = _load(config, offline=offline)
    if settings is None or faults:
        # Raised outside every handler: a ValidationError in the chain would show its inputs.
        raise InvalidSettings(faults)
    return settings


def _load(config: Path | None, *, offline: bool) -> tuple[Settings | None, list[Fault]]:
    try:
        path, text = _read(config)
        tables = _parse(path, text)
    except InvalidSettings as error:
        return None, list(error.faults)
    loading = _Loading(path, tables)
    sections: dict[str, Any] = {model.name: loading.section(model) for model in SECTIONS}
    settings = Settings(**sections, topics=loading.topics(), file=path)
    loading.misplaced()
    known = {fault.key for fault in loading.faults}
    loading.faults += [f for f in broken_rules(settings, offline=offline) if f.key not in known]
    return replace(settings, warnings=tuple(advice(settings))), loading.faults


def _read(config: Path | None) -> tuple[Path | None, str]:
    path = Path(DEFAULT_FILE) if config is None else config
    if config is None and not path.exists():
        return None, ""
    try:
        with path.open("rb") as file:
            raw = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        remedy = "give --config a TOML file that this user can read"
        raise _file_fault(path, f"cannot be read: {error.strerror}", remedy) from None
    if len(raw) > MAX_FILE_BYTES:
        raise _file_fault(path, f"has more than {MAX_FILE_BYTES} bytes", "is it the right file?")
    text = raw.decode("utf-8", errors="replace")
    if "\ufffd" in text or text.startswith("\ufeff"):
        raise _file_fault(path, "is not plain UTF-8 text", "save it as UTF-8 without BOM")
    return path, text


def _parse(path: Path | None, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problem = f"is not TOML: {error}"
    if "overwrite" in problem or "twice" in problem or "declare" in problem:
        problem += ": a key or table is given twice"
    raise _file_fault(path, problem, "correct that line")


def _file_fault(path: Path | None, problem: str, remedy: str) -> InvalidSettings:
    return InvalidSettings([Fault(str(path), problem, remedy)])


class _Loading:
    """Reads all sections once: collects faults, and goes on with what is right."""

    def __init__(self, path: Path | None, tables: Mapping[str, Any]) -> None:
        self._path = path
        self._tables = tables
        self.faults: list[Fault] = []

    def section(self, model: type[_S]) -> _S:
        """The section, as far as it is right; a wrong key becomes a fault, and gets its default."""
        table = self._table(model.name)
        variables = EnvSettingsSource(model)()
        origins = dict.fromkeys(table, str(self._path))
        origins |= {key: variable(model, key) for key in variables}
        for key in model.secret_keys:
            self._one_of(model, key, table, variables)
        values = table | variables
        while True:
            try:
                return model(**values)
            except ValidationError as error:
                details = error.errors(include_input=False, include_url=False)
            # Each round drops the keys that it blames, so the loop ends: the defaults are valid.
            for key in {str(detail["loc"][0]) for detail in details}:
                first = next(d for d in details if str(d["loc"][0]) == key)
                self.faults.append(_fault(model, key, values.pop(key), origins[key], first))

    def topics(self) -> dict[str, str]:
        """The table of topic names, which only the file can have."""
        table = self._table("topics")
        for contract, name in table.items():
            if not isinstance(name, str):
                problem, remedy = "must be a topic's name", 'write "contract\'s topic" = "its name"'
                if isinstance(name, dict):
                    remedy = (
                        f'quote the key, as unquoted dots make nested tables: "{contract}..." = ...'
                    )
                key = f"topics.{contract}"
                self.faults.append(Fault(key, problem, remedy, shown(name), str(self._path)))
        return {contract: name for contract, name in table.items() if isinstance(name, str)}

    def misplaced(self) -> None:
        """Report whatever is in the file outside of a known section."""
        for name, value in self._tables.items():
            if name in _NAMES:
                continue
            if isinstance(value, dict):
                near = _nearest(name, _NAMES)
                remedy = (
                    f"did you mean [{near}]?" if near else f"the sections are {', '.join(_NAMES)}"
                )
                problem = "is not a section"
            else:
                problem, remedy = "is outside of any section", _elsewhere(name)
            self.faults.append(Fault(name, problem, remedy, None, str(self._path)))

    def _table(self, name: str) -> dict[str, Any]:
        table = self._tables.get(name, {})
        if isinstance(table, dict):
            return dict(table)
        remedy = f"write [{name}] on a line of its own, and its keys below it"
        self.faults.append(Fault(name, "must be a table", remedy, None, str(self._path)))
        return {}

    def _one_of(
        self, model: type[Section], key: str, table: dict[str, Any], variables: dict[str, Any]
    ) -> None:
        """A secret is given once, as text or as a file's name. An environment variable of either kind wins over both in the
        settings' file.
        """
        pair = {key, f"{key}_file"}
        if pair & variables.keys():
            for name in pair:
                table.pop(name, None)
        for values in (table, variables):
            if pair <= values.keys():
                problem = f"is given as well as {key}_file"
                self.faults.append(Fault(f"{model.name}.{key}", problem, "keep one of the two"))
                del values[key]


def _fault(
    model: type[Section], key: str, value: object, origin: str, detail: ErrorDetails
) -> Fault:
    name = f"{model.name}.{key}"
    if detail["type"] == "extra_forbidden":
        near = _nearest(key, model.model_fields)
        remedy = f"did you mean {near}?" if near else _elsewhere(key)
        return Fault(name, "is an unknown key", remedy, None, origin)
    problem = detail["msg"].removeprefix("Value error, ").replace("Input should", "must")
    secret = key in model.secret_keys
    return Fault(name, problem, f"change it in {origin}", None if secret else shown(value), origin)


def _nearest(key: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(key, list(known), n=1, cutoff=0.6)), None)


def _elsewhere(key: str) -> str:
    """Where a key of this name, or of a similar one, belongs."""
    for section in _holders(key):
        return f"{key} belongs to [{section}]"
    places = {k: section.name for section in SECTIONS for k in section.model_fields}
    near = _nearest(key, places)
    return f"did you mean [{places[near]}] {near}?" if near else "remove it"


def _holders(key: str) -> Iterator[str]:
    return (section.name for section in SECTIONS if key in section.model_fields)

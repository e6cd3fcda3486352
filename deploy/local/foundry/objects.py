"""The objects, and the one transaction that an action is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from deploy.local.foundry.ontology import ObjectType, Ontology
from deploy.local.foundry.rules import Edit
from deploy.local.foundry.wire import Refusal, rid

Locator = tuple[str, Any]


class Objects:
    """All objects by type and key, each with a version that moves when it is edited."""

    def __init__(self, ontology: Ontology) -> None:
        self._ontology = ontology
        self._objects: dict[str, dict[Any, dict[str, Any]]] = {}
        self._versions: dict[Locator, int] = {}
        self.clear()

    def clear(self) -> None:
        """Only what the ontology starts with is there."""
        self._versions.clear()
        self._objects = {name: {} for name in self._ontology.object_types}
        for name, seeds in self._ontology.objects.items():
            self.put(name, seeds)

    def put(self, object_type: str, seeds: Iterable[Mapping[str, Any]]) -> None:
        """Objects that come from a dataset, not from an action."""
        kind = self._ontology.object_type(object_type)
        for seed in seeds:
            key = seed[kind.primary_key]
            self._objects[object_type][key] = dict(seed)
            self._touch(object_type, key)

    def get(self, object_type: str, key: Any) -> dict[str, Any] | None:
        return self._objects.get(object_type, {}).get(key)

    def all(self, object_type: str) -> list[dict[str, Any]]:
        return list(self._objects[object_type].values())

    def shown(self, kind: ObjectType, found: Mapping[str, Any]) -> dict[str, Any]:
        """An object as Foundry answers it; a property that is null is left out."""
        key = found[kind.primary_key]
        return {
            "__rid": rid("phonograph2-objects", "object", kind.name, str(key)),
            "__primaryKey": key,
            "__apiName": kind.name,
            **{name: value for name, value in found.items() if value is not None},
        }

    def versions(self, edits: Iterable[Edit]) -> dict[Locator, int]:
        """What the edits would touch, as it is now."""
        return {
            (edit.object_type, edit.key): self._versions.get((edit.object_type, edit.key), 0)
            for edit in edits
            if edit.kind != "addObject"  # a new one that is there meanwhile has an error of its own
        }

    def require_unchanged(self, since: Mapping[Locator, int]) -> None:
        """Raises Refusal where another action was faster."""
        for locator, version in since.items():
            if self._versions.get(locator, 0) != version:
                raise Refusal("CONFLICT", "ObjectsModifiedConcurrently", {})

    def commit(self, edits: Sequence[Edit]) -> None:
        """All edits take effect, or none.

        Raises:
            Refusal: two edits meet one object, a new one exists, a referred one does not.
        """
        touched: set[Locator] = set()
        for edit in edits:
            if edit.linked is None and (edit.object_type, edit.key) in touched:
                raise Refusal("CONFLICT", "ActionContainsDuplicateEdits", {})
            touched.add((edit.object_type, edit.key))
            self._require_possible(edit)
        for edit in edits:
            self._apply(edit)

    def _require_possible(self, edit: Edit) -> None:
        exists = edit.key in self._objects[edit.object_type]
        if edit.kind == "addObject" and exists:
            raise Refusal(
                "CONFLICT",
                "ObjectAlreadyExists",
                {"objectType": edit.object_type, "primaryKey": edit.key},
            )
        if edit.kind != "addObject" and not exists:
            raise object_not_found(edit.parameter)

    def _apply(self, edit: Edit) -> None:
        objects = self._objects[edit.object_type]
        if edit.kind == "addObject":
            objects[edit.key] = dict(edit.properties)
        elif edit.kind == "modifyObject":
            objects[edit.key] = {**objects[edit.key], **edit.properties}
        elif edit.kind == "deleteObject":
            del objects[edit.key]
        self._touch(edit.object_type, edit.key)

    def _touch(self, object_type: str, key: Any) -> None:
        locator = (object_type, key)
        self._versions[locator] = self._versions.get(locator, 0) + 1


def object_not_found(parameter: str | None) -> Refusal:
    return Refusal("NOT_FOUND", "ActionParameterObjectNotFound", {"parameterId": parameter})

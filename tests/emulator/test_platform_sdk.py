"""Palantir's own client, unchanged, works against the emulator: logs in, reads and applies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from deploy.local.foundry import DEFAULT_CLIENT, Foundry, serve
from tests.emulator.caller import TICKET, ticket
from tests.emulator.platform_client import apply, credentials, in_thread, make_client
from tests.emulator.workshop import WORKSHOP

if TYPE_CHECKING:
    import foundry_sdk

pytestmark = pytest.mark.timeout(60)


async def test_it_reads_the_ontology(client: foundry_sdk.FoundryClient) -> None:
    def read() -> tuple[Any, ...]:
        ontologies = client.ontologies.Ontology.list().data
        one = client.ontologies.Ontology.get(ontologies[0].rid)
        whole = client.ontologies.Ontology.get_full_metadata("fieldwork", preview=True)
        return ontologies, one, whole

    ontologies, one, whole = await in_thread(read)

    assert [each.api_name for each in ontologies] == ["fieldwork"]
    assert one == ontologies[0]
    assert len(whole.action_types) == 9


async def test_it_reads_action_types_page_by_page(client: foundry_sdk.FoundryClient) -> None:
    def read() -> tuple[Any, ...]:
        types = client.ontologies.Ontology.ActionType
        listed = list(types.list("fieldwork", page_size=2))
        one = types.get("fieldwork", "create-ticket")
        return listed, one, types.get_by_rid("fieldwork", one.rid)

    listed, one, by_rid = await in_thread(read)

    assert len(listed) == 9
    assert one in listed
    assert by_rid == one
    assert one.parameters["equipment"].data_type.type == "object"
    assert one.parameters["ticketId"].required
    assert one.operations[0].type == "createObject"
    allowed = one.parameters["priority"].validation.default_validation.allowed_values
    assert [option.value for option in allowed.options] == ["low", "high"]


async def test_it_reads_full_metadata_of_every_action_type(
    client: foundry_sdk.FoundryClient, stack: Foundry
) -> None:
    def read() -> list[Any]:
        metadata = client.ontologies.ActionTypeFullMetadata
        return [
            metadata.get("fieldwork", name, preview=True) for name in stack.ontology.action_types
        ]

    kinds = {
        each.action_type.api_name: each.full_logic_rules[0].type for each in await in_thread(read)
    }

    assert kinds["create-ticket"] == "createObject"
    assert kinds["close-ticket"] == "modifyObject"
    assert kinds["dispatch-technician"] == "function"


async def test_it_reads_object_types(client: foundry_sdk.FoundryClient) -> None:
    def read() -> tuple[Any, ...]:
        types = client.ontologies.Ontology.ObjectType
        return list(types.list("fieldwork")), types.get("fieldwork", "Ticket")

    listed, ticket_type = await in_thread(read)

    assert ticket_type in listed
    assert ticket_type.primary_key == "ticketId"


async def test_it_knows_who_it_is(client: foundry_sdk.FoundryClient) -> None:
    user = await in_thread(lambda: client.admin.User.get_current())  # noqa: PLW0108 - bound late

    assert user.username == "consumer"
    assert user.organization is None


async def test_it_applies_an_action_and_reads_the_object(
    client: foundry_sdk.FoundryClient, stack: Foundry
) -> None:
    def work() -> tuple[Any, ...]:
        applied = client.ontologies.Action.apply(
            "fieldwork",
            "create-ticket",
            parameters=TICKET,
            options={"returnEdits": "ALL"},
            trace_parent="00-1-2-01",
        )
        objects = client.ontologies.OntologyObject
        one = objects.get("fieldwork", "Ticket", "T-1")
        return applied, one, list(objects.list("fieldwork", "Ticket"))

    applied, one, listed = await in_thread(work)

    assert applied.validation.result == "VALID"
    assert applied.operation_id.startswith("ri.actions.")
    assert applied.edits.edits[0].primary_key == "T-1"
    assert one["title"] == TICKET["title"]
    assert listed == [one]
    assert [each.traceparent for each in stack.effects] == ["00-1-2-01"]


async def test_it_searches(client: foundry_sdk.FoundryClient, stack: Foundry) -> None:
    def work() -> Any:
        for number in (1, 2):
            client.ontologies.Action.apply("fieldwork", "create-ticket", parameters=ticket(number))
        return client.ontologies.OntologyObject.search(
            "fieldwork",
            "Ticket",
            select=[],
            where={"type": "eq", "field": "ticketId", "value": "T-2"},
        )

    found = await in_thread(work)

    assert [each["ticketId"] for each in found.data] == ["T-2"]
    assert found.total_count == 1


async def test_it_validates_only(client: foundry_sdk.FoundryClient, stack: Foundry) -> None:
    def validate(**more: Any) -> Any:
        return client.ontologies.Action.apply(
            "fieldwork",
            "create-ticket",
            parameters={**TICKET, **more},
            options={"mode": "VALIDATE_ONLY"},
        )

    valid = await in_thread(validate)
    invalid = await in_thread(lambda: validate(priority="urgent"))

    assert valid.validation.result == "VALID"
    assert invalid.validation.result == "INVALID"
    assert invalid.validation.parameters["priority"].evaluated_constraints[0].type == "oneOf"
    assert len(stack.effects) == 0


async def test_it_applies_batches(client: foundry_sdk.FoundryClient, stack: Foundry) -> None:
    def work() -> Any:
        return client.ontologies.Action.apply_batch(
            "fieldwork",
            "create-ticket",
            requests=[{"parameters": ticket(n)} for n in range(20)],
            options={"returnEdits": "ALL"},
        )

    applied = await in_thread(work)

    assert applied.edits.added_object_count == 20
    assert len(stack.effects) == 20


async def test_it_signs_out(sdk: Any, stack: Foundry) -> None:
    auth, config, host = credentials(sdk, stack, DEFAULT_CLIENT[1])
    client = sdk.FoundryClient(auth=auth, hostname=host, config=config)
    await in_thread(lambda: apply("create-ticket", TICKET)(client))
    token = auth.get_token().access_token

    await in_thread(auth.sign_out)

    with pytest.raises(Exception, match="Default:Unauthorized"):
        stack.identity.token(f"Bearer {token}")


async def test_it_reads_every_parameter_type_there_is(sdk: Any) -> None:
    async with serve(WORKSHOP) as foundry:
        reader = make_client(sdk, foundry)
        shown = await in_thread(
            lambda: reader.ontologies.Ontology.ActionType.get("workshop", "measure")
        )

        kinds = {each.data_type.type for each in shown.parameters.values()}
        assert len(kinds) == len(shown.parameters)

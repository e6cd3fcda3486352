"""The errors of the emulator are those that Palantir's own client knows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from deploy.local.foundry import Foundry, parse_fault
from tests.emulator.caller import TICKET, ticket
from tests.emulator.platform_client import Work, apply, batch, in_thread, make_client

if TYPE_CHECKING:
    import foundry_sdk

pytestmark = pytest.mark.timeout(60)

UNTYPED = {"ObjectAlreadyExists": {"objectType", "primaryKey"}}
"""Parameters that the platform's simulators give and the client's catalogue does not name."""
FAILURES: list[tuple[Work, str, str]] = [
    (apply("create-ticket", ticket(1)), "ConflictError", "ObjectAlreadyExists"),
    (apply("create-ticket", {"x": 1}), "BadRequestError", "ParametersNotFound"),
    (apply("create-ticket", ticket(2, title=1)), "BadRequestError", "InvalidParameterValue"),
    (
        apply("close-ticket", {"ticket": "T-9", "closedAt": "2026-01-01T00:00:00Z"}),
        "NotFoundError",
        "ActionParameterObjectNotFound",
    ),
    (apply("nothing", {}), "NotFoundError", "ActionTypeNotFound"),
    (apply("create-ticket", {}, "elsewhere"), "NotFoundError", "OntologyNotFound"),
    (
        batch("create-ticket", [ticket(2, priority="urgent")]),
        "BadRequestError",
        "ActionValidationFailed",
    ),
    (batch("create-ticket", []), "BadRequestError", "MissingBatchRequest"),
    (
        batch("create-ticket", [ticket(n) for n in range(30, 51)]),
        "BadRequestError",
        "BatchRequestSizeExceededLimit",
    ),
    (
        batch("create-ticket", [ticket(2), ticket(2)]),
        "ConflictError",
        "ActionContainsDuplicateEdits",
    ),
    (
        lambda client: client.ontologies.OntologyObject.get("fieldwork", "Ticket", "T-9"),
        "NotFoundError",
        "ObjectNotFound",
    ),
]


@pytest.mark.parametrize(("work", "kind", "name"), FAILURES, ids=[name for *_, name in FAILURES])
async def test_it_gets_its_typed_errors(
    sdk: Any,
    client: foundry_sdk.FoundryClient,
    work: Work,
    kind: str,
    name: str,
) -> None:
    await in_thread(lambda: apply("create-ticket", ticket(1))(client))

    with pytest.raises(getattr(sdk, kind)) as caught:
        await in_thread(lambda: work(client))

    assert caught.value.name == name
    assert caught.value.error_instance_id


async def test_its_error_models_read_our_error_parameters(
    sdk: Any, client: foundry_sdk.FoundryClient
) -> None:
    """The catalogue of the client says which parameters each error has, and of what type."""
    from foundry_sdk.v2.core import errors as core_errors  # noqa: PLC0415 - slow to import
    from foundry_sdk.v2.ontologies import errors  # noqa: PLC0415 - slow to import
    from pydantic import TypeAdapter  # noqa: PLC0415 - beside the others

    await in_thread(lambda: apply("create-ticket", ticket(1))(client))
    for work, _, name in FAILURES:
        with pytest.raises(sdk.PalantirRPCException) as caught:
            await asyncio.to_thread(work, client)
        catalogue = errors if hasattr(errors, f"{name}Parameters") else core_errors
        model: Any = getattr(catalogue, f"{name}Parameters")

        given = caught.value.parameters

        assert TypeAdapter(model).validate_python(given).keys() == given.keys()
        assert model.__required_keys__ <= given.keys()
        assert given.keys() <= model.__annotations__.keys() | UNTYPED.get(name, set())


async def test_permission_token_and_overload_errors_are_what_it_expects(
    sdk: Any, client: foundry_sdk.FoundryClient, stack: Foundry
) -> None:
    def fails(kind: str, fault: str) -> Any:
        stack.faults.switch_on(parse_fault(f"{fault}"))
        with pytest.raises(getattr(sdk, kind)) as caught:
            apply("create-ticket", TICKET)(client)
        stack.faults.clear()
        return caught.value

    denied = await in_thread(lambda: fails("PermissionDeniedError", "forbidden"))
    unauthorized = await in_thread(lambda: fails("UnauthorizedError", "unauthorized"))
    await in_thread(lambda: fails("RateLimitError", "status:status=429"))
    await in_thread(lambda: fails("ServiceUnavailable", "status:status=503"))
    internal = await in_thread(lambda: fails("InternalServerError", "status:status=500"))

    assert denied.parameters == {"missingScope": "api:ontologies-write"}
    assert unauthorized.name == "Default:Unauthorized"
    assert internal.error_code == "INTERNAL"


async def test_a_wrong_secret_does_not_log_in(sdk: Any, stack: Foundry) -> None:
    stranger = make_client(sdk, stack, secret="wrong")  # noqa: S106 - it is wrong

    with pytest.raises(sdk.SDKInternalError, match="401"):
        await in_thread(lambda: apply("create-ticket", TICKET)(stranger))

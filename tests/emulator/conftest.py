from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from deploy.local.foundry import Foundry, serve
from tests.emulator.caller import Caller, calling
from tests.emulator.platform_client import make_client

if TYPE_CHECKING:
    import foundry_sdk


@pytest.fixture
async def foundry() -> AsyncIterator[Foundry]:
    async with serve() as running:
        yield running


@pytest.fixture
async def caller(foundry: Foundry) -> AsyncIterator[Caller]:
    async with calling(foundry) as logged_in:
        yield logged_in


@pytest.fixture(scope="session")
def sdk() -> Any:
    """Imported late and once: it takes seconds."""
    import foundry_sdk  # noqa: PLC0415 - see above

    return foundry_sdk


@pytest.fixture(params=["http", "https"])
async def stack(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Foundry]:
    cert_dir = tmp_path if request.param == "https" else None
    async with serve(cert_dir=cert_dir) as running:
        yield running


@pytest.fixture
def client(sdk: Any, stack: Foundry) -> foundry_sdk.FoundryClient:
    return make_client(sdk, stack)

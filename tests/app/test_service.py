"""What is wired when a service starts, where each part alone would not show that it is not."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from consumer.app import service
from consumer.app.clock import AwakeClock
from consumer.app.guard import Guard
from consumer.app.signals import StopSignals
from consumer.app.watched import WatchedSource
from consumer.contracts import load
from consumer.settings import load_settings
from tests.app.programs import scrubbed, written


@pytest.fixture
def silence() -> Iterator[int]:
    """The port of a broker that takes connections, and answers nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


async def test_after_a_standstill_it_is_the_source_of_the_service_that_is_distrusted(
    silence: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else requests would go out on a membership that may be gone, and the next owner's beside them."""
    scrubbed(monkeypatch)
    settings = load_settings(written(tmp_path, silence))
    jumped = 0.0
    distrusted = asyncio.Event()
    monkeypatch.setattr(AwakeClock, "now", lambda _: time.monotonic() + jumped)
    monkeypatch.setattr(WatchedSource, "distrust", lambda _: distrusted.set())
    contracts = load(settings.consumer.contracts, settings.topics)
    serving = asyncio.create_task(
        service._serve(
            settings, contracts, Guard(), StopSignals(lambda: None), until_end=False, within=None
        )
    )
    try:
        async with asyncio.timeout(5):
            while not distrusted.is_set():
                # Again, where the loop was not watched yet.
                jumped += settings.kafka.session_timeout / 2
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(distrusted.wait(), 0.2)
    finally:
        serving.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await serving

from __future__ import annotations

import asyncio
import signal
import ssl
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from click.testing import CliRunner

from deploy.local.foundry.__main__ import main


@asynccontextmanager
async def running(*arguments: str) -> AsyncIterator[tuple[Process, str]]:
    """The command, and the address that it has printed."""
    command = (sys.executable, "-m", "deploy.local.foundry", "--port", "0", *arguments)
    process = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    assert process.stdout is not None
    try:
        yield process, (await process.stdout.readline()).decode().rstrip("\n")
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def test_it_is_ready_when_it_prints_its_address_and_sigterm_ends_it() -> None:
    async with running("--fault", "status:status=500,endpoint=token") as (process, url):
        async with aiohttp.ClientSession() as session:
            answered = await session.post(f"{url}/multipass/api/oauth2/token", data={})
        process.send_signal(signal.SIGTERM)
        code = await process.wait()

    assert url.startswith("http://127.0.0.1:")
    assert answered.status == 500
    assert code == 0


async def test_over_tls_the_ca_is_where_it_was_asked_for(tmp_path: Path) -> None:
    clients = ("--client", "a:old", "--client", "a:new")
    async with running("--tls", "--cert-dir", str(tmp_path), *clients) as (_, url):
        trusting = ssl.create_default_context(cafile=tmp_path / "ca.pem")
        statuses = []
        async with aiohttp.ClientSession() as session:
            for secret in ("old", "new", "other"):
                form = {"grant_type": "client_credentials", "client_id": "a"}
                answered = await session.post(
                    f"{url}/multipass/api/oauth2/token",
                    data={**form, "client_secret": secret},
                    ssl=trusting,
                )
                statuses.append(answered.status)

    assert url.startswith("https://127.0.0.1:")
    assert statuses == [200, 200, 401]


def test_wrong_use_is_told_and_is_code_2() -> None:
    for arguments in (["--fault", "nonsense"], ["--client", "x"], ["--ontology", "/nowhere"]):
        result = CliRunner().invoke(main, arguments)

        assert result.exit_code == 2
        assert arguments[0] in result.output


def test_help_shows_every_kind_of_fault() -> None:
    shown = CliRunner().invoke(main, ["--help"]).output

    for kind in ("latency", "cut_body", "late", "limit", "__control__"):
        assert kind in shown

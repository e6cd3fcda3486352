"""TLS cannot be switched off, and `reach` says which step of the way failed and what to do."""

from __future__ import annotations

import asyncio
import socket
import ssl
from pathlib import Path

import pytest

from consumer.errors import SettingsError
from consumer.foundry.opening import open_foundry
from consumer.foundry.reach import Reached, Unreached, reach
from consumer.foundry.transport import tls_context
from consumer.outcomes import Applied, Outage
from deploy.local.foundry.certificates import Certificates, make_certificates
from tests.foundry.server import after_token, config, http, raw, request


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path / "tls")


async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(http("200 OK"))
    await reader.read()


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()


async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(10)
    writer.write(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    await writer.drain()
    writer.close()


def test_verification_and_host_names_are_always_checked(certificates: Certificates) -> None:
    for context in (tls_context(None), tls_context(certificates.ca_file)):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_an_unusable_ca_file_is_named_at_the_start(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(SettingsError, match=r"ca\.pem"):
        tls_context(path)


async def test_a_private_authority_is_trusted_when_its_file_is_given(
    certificates: Certificates,
) -> None:
    async with (
        raw(after_token(answer), certificates.context()) as port,
        open_foundry(config(f"127.0.0.1:{port}", ca_file=certificates.ca_file)) as foundry,
    ):
        assert await foundry.actions.send(request()) == Applied()
        steps = await reach(config(f"localhost:{port}", ca_file=certificates.ca_file))

    assert [step.step for step in steps] == ["dns", "tcp", "tls"]
    assert all(isinstance(step, Reached) for step in steps)


async def test_an_untrusted_certificate_sends_nothing_and_names_the_remedy(
    certificates: Certificates,
) -> None:
    async with raw(silent, certificates.context()) as port:
        async with open_foundry(config(f"https://127.0.0.1:{port}")) as foundry:
            outcome = await foundry.actions.send(request())
        steps = await reach(config(f"https://127.0.0.1:{port}"))

    assert isinstance(outcome, Outage)
    assert (outcome.gate, outcome.answer.cause) == ("token", "tls_untrusted")
    assert "ca_file" in (outcome.remedy or "")
    _failed(steps, "tls", "tls_untrusted")


async def test_a_certificate_for_another_host_is_told_apart(
    certificates: Certificates, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is another, the address the same."""
    loop = asyncio.get_running_loop()
    real = loop.getaddrinfo

    async def elsewhere(host: str, *args: object, **others: object) -> object:
        return await real("127.0.0.1", *args, **others)  # type: ignore[arg-type]  # passed on as they came

    monkeypatch.setattr(loop, "getaddrinfo", elsewhere)
    async with raw(silent, certificates.context()) as port:
        settings = config(f"https://foundry.example:{port}", ca_file=certificates.ca_file)
        steps = await reach(settings)

    _failed(steps, "tls", "tls_name")


async def test_a_host_that_does_not_speak_tls_is_told_apart() -> None:
    async with raw(plain) as port:
        async with open_foundry(config(f"https://127.0.0.1:{port}")) as foundry:
            outcome = await foundry.actions.send(request())
        steps = await reach(config(f"https://127.0.0.1:{port}"))

    assert isinstance(outcome, Outage)
    assert (outcome.gate, outcome.answer.cause) == ("token", "tls")
    _failed(steps, "tls", "tls")


async def test_a_handshake_that_never_ends_is_certainly_not_sent(
    certificates: Certificates,
) -> None:
    """The token came over a good connection; then the host stops in the handshake."""
    tokens = after_token(silent)
    async with (
        raw(tokens, certificates.context()) as good,
        raw(silent) as stuck,
        open_foundry(
            config(f"https://127.0.0.1:{good}", ca_file=certificates.ca_file, request_timeout=0.3)
        ) as foundry,
    ):
        await foundry.tokens.get()
        foundry.actions._base = f"https://127.0.0.1:{stuck}"

        outcome = await foundry.actions.send(request())

    assert isinstance(outcome, Outage)
    assert outcome.gate == "unreachable"


async def test_a_refused_port_and_an_unknown_name_are_told_apart() -> None:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        _failed(await reach(config(f"http://127.0.0.1:{bound.getsockname()[1]}")), "tcp", "refused")
    _failed(await reach(config("https://nowhere.invalid")), "dns", "dns")


async def test_with_a_proxy_the_way_goes_as_far_as_the_proxy() -> None:
    async with raw(silent) as port:
        steps = await reach(config("https://nowhere.invalid", proxy=f"http://u:p@127.0.0.1:{port}"))

    assert [step.step for step in steps] == ["dns", "tcp"]
    assert all(isinstance(step, Reached) for step in steps)


async def test_a_proxy_that_wants_credentials_is_named_without_its_own() -> None:
    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with raw(refuse) as port:
        settings = config("https://nowhere.invalid", proxy=f"http://canary:canary@127.0.0.1:{port}")
        async with open_foundry(settings) as foundry:
            outcome = await foundry.actions.send(request())

    assert isinstance(outcome, Outage)
    assert outcome.answer.cause == "proxy"
    assert "canary" not in repr(outcome) + repr(settings)


def _failed(steps: list[Reached | Unreached], step: str, cause: str) -> None:
    last = steps[-1]
    assert isinstance(last, Unreached)
    assert (last.step, last.outage.answer.cause) == (step, cause)
    assert last.outage.remedy

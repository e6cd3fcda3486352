"""Tokens for Kafka: fetched once for many connections, and no failure shows the secret."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from consumer.app.kafka_tokens import KafkaTokens
from consumer.errors import SettingsError, Unavailable
from consumer.settings import Secret
from deploy.local.foundry import DEFAULT_CLIENT, parse_fault, serve
from tests.foundry.server import raw

PATH = "/multipass/api/oauth2/token"
CANARY = "canary-s3cr3t"


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def tokens(url: str, *, secret: str | Secret = DEFAULT_CLIENT[1], **more: Any) -> KafkaTokens:
    values: dict[str, Any] = {"scope": None, "ca_file": None}
    known = secret if isinstance(secret, Secret) else Secret("kafka.secret", text=secret)
    return KafkaTokens(f"{url}{PATH}", DEFAULT_CLIENT[0], known, **(values | more))


async def test_one_token_serves_until_most_of_its_life_is_over() -> None:
    now = Time()
    async with serve(expires_in=1000) as server:
        kafka = tokens(server.url, now=now, scope="api:ontologies-read")
        first, again = await kafka.fetch(), await kafka.fetch()
        now.now += 801
        later = await kafka.fetch()

    assert first == again
    assert later not in {"", first}


async def test_a_token_that_a_broker_refuses_is_given_no_longer() -> None:
    """Its keys were changed, say. Connections are tried many times a second, so it is not asked for as often."""
    now = Time()
    async with serve(expires_in=86_400) as server:
        kafka = tokens(server.url, now=now)
        first = await kafka.fetch()
        at_once = await kafka.fetch(first)
        now.now += 11
        second = await kafka.fetch(first)
        late = await kafka.fetch(first)

    assert at_once == first
    assert second != first
    assert late == second


async def test_no_token_is_kept_for_ever() -> None:
    now = Time()
    async with serve(expires_in=10**12) as server:
        kafka = tokens(server.url, now=now)
        first = await kafka.fetch()
        now.now += 86_401
        second = await kafka.fetch()

    assert second != first


async def test_a_token_is_known_to_the_log_as_a_secret() -> None:
    secret = Secret("kafka.sasl_oauthbearer_client_secret", text=DEFAULT_CLIENT[1])
    async with serve() as server:
        token = await tokens(server.url, secret=secret).fetch()

    assert secret.seen == {DEFAULT_CLIENT[1], token}


async def test_a_wrong_secret_is_said_by_its_status_alone() -> None:
    async with serve() as server:
        with pytest.raises(Unavailable, match="HTTP 401") as caught:
            await tokens(server.url, secret=CANARY).fetch()

    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("fault", "said"), [("redirect", "HTTP 302"), ("html", "without a token"), ("cut", "asked")]
)
async def test_what_is_no_token_is_unavailable(fault: str, said: str) -> None:
    async with serve(faults=[parse_fault(f"{fault}:endpoint=token")]) as server:
        with pytest.raises(Unavailable, match=said):
            await tokens(server.url).fetch()


async def test_nobody_there_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="refused"):
        await tokens("http://127.0.0.1:1").fetch()


async def test_what_speaks_no_http_is_unavailable_and_named() -> None:
    async def babble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await reader.read()

    async with raw(babble) as port:
        with pytest.raises(Unavailable, match=f"127.0.0.1:{port}"):
            await tokens(f"http://127.0.0.1:{port}").fetch()


async def test_tls_is_verified(tmp_path: Path) -> None:
    async with serve(cert_dir=tmp_path) as server:
        trusting = await tokens(server.url, ca_file=server.ca_file).fetch()
        with pytest.raises(Unavailable, match="certificate verify failed"):
            await tokens(server.url).fetch()

    assert trusting


async def test_the_brokers_authority_may_be_another_than_the_endpoints(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A private one for Kafka beside an endpoint of the internet is usual; the setting names Kafka's."""
    async with (
        serve(cert_dir=tmp_path / "kafka") as kafka,
        serve(cert_dir=tmp_path / "all") as server,
    ):
        monkeypatch.setenv("SSL_CERT_FILE", str(server.ca_file))  # stands for the system's own

        assert await tokens(server.url, ca_file=kafka.ca_file).fetch()


def test_a_file_without_certificates_is_refused(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")

    with pytest.raises(SettingsError, match=r"kafka\.ssl_cafile"):
        tokens("https://localhost", ca_file=tmp_path / "ca.pem")

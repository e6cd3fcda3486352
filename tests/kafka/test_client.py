"""What the settings become in the client library: without a broker."""

# mypy: disallow-untyped-calls=False
# (aiokafka is not typed throughout)

from __future__ import annotations

import asyncio
import logging
import ssl
from pathlib import Path

import pytest
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import KafkaError

from consumer.errors import SettingsError, Unavailable
from consumer.kafka import client
from consumer.kafka.client import (
    KafkaConfig,
    TokenProvider,
    connection_options,
    member_options,
    ssl_context,
)
from consumer.kafka.lease import Lease
from consumer.kafka.library.patches import StrictOAuth
from consumer.kafka.logs import PER_WINDOW, WINDOW, Modest, quiet_library_logs
from consumer.telemetry.log import message

SERVERS = ("a:9092", "b:9092")


def config(**changes: object) -> KafkaConfig:
    return KafkaConfig(SERVERS, "group", **changes)  # type: ignore[arg-type]  # any of its fields


@pytest.mark.parametrize(
    ("session", "rebalance", "request_timeout"),
    [
        (45.0, 30.0, 40.0),  # rebalance + 5 < request < session
        (60.0, 30.0, 40.0),
        (6.0, 30.0, 35.0),  # a short session: a join must still be able to wait for all members
        (45.0, 75.0, 80.0),  # long requests to Foundry
    ],
)
def test_a_join_can_always_wait_out_the_rebalance(
    session: float, rebalance: float, request_timeout: float
) -> None:
    settings = config(session_timeout=session, rebalance_timeout=rebalance)

    assert settings.request_timeout == request_timeout
    assert settings.heartbeat_interval * 3 < session
    assert settings.lease_length == min(session, rebalance)


def test_a_member_never_commits_resets_or_leaves_by_itself() -> None:
    options = member_options(config())

    assert options["enable_auto_commit"] is False
    assert options["auto_offset_reset"] == "none"
    assert options["isolation_level"] == "read_committed"
    assert options["max_poll_interval_ms"] == 2**31 - 1
    assert options["partition_assignment_strategy"] == (RoundRobinPartitionAssignor,)
    assert options["session_timeout_ms"] == 45_000
    assert not {"group_instance_id", "key_deserializer", "value_deserializer"} & options.keys()


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_a_login_reaches_the_library(mechanism: str) -> None:
    settings = config(
        security_protocol="SASL_SSL",
        sasl_mechanism=mechanism,
        sasl_username="u",
        sasl_password="p",  # noqa: S106 - nobody's
    )

    options = connection_options(settings, role="")

    assert options["sasl_mechanism"] == mechanism
    assert (options["sasl_plain_username"], options["sasl_plain_password"]) == ("u", "p")
    assert options["ssl_context"].verify_mode is ssl.CERT_REQUIRED
    assert options["ssl_context"].check_hostname


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"security_protocol": "SASL_SSL"}, "sasl_username"),
        ({"security_protocol": "SASL_SSL", "sasl_mechanism": "OAUTHBEARER"}, "token endpoint"),
        ({"security_protocol": "SSL", "ssl_cafile": "/nowhere/ca.pem"}, "ssl_cafile.*/nowhere"),
        ({"security_protocol": "SSL", "ssl_certfile": "/nowhere/c.pem"}, "ssl_certfile"),
    ],
)
def test_a_setting_that_is_missing_or_wrong_is_named(
    changes: dict[str, object], named: str
) -> None:
    with pytest.raises(SettingsError, match=named):
        connection_options(config(**changes), role="")


def test_a_file_that_is_no_certificate_is_named(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("nothing")

    with pytest.raises(
        SettingsError, match=r"kafka\.ssl_cafile '.*ca\.pem' .*: .*; set it to a file"
    ):
        ssl_context(config(ssl_cafile=str(tmp_path / "ca.pem")))
    with pytest.raises(
        SettingsError,
        match=r"ssl_certfile '.*ca\.pem', without kafka\.ssl_keyfile, .*ssl_key_password",
    ):
        ssl_context(config(ssl_certfile=str(tmp_path / "ca.pem")))


def test_no_secret_is_shown() -> None:
    secrets = dict.fromkeys(("sasl_password", "ssl_key_password"), "canary")

    settings = config(**secrets)

    assert "canary" not in repr(settings)


@pytest.mark.parametrize("error", [ValueError("canary"), OSError(), KeyError("x")])
async def test_every_failure_of_a_token_is_the_librarys_own(error: Exception) -> None:
    async def fetch(_: str) -> str:
        raise error

    with pytest.raises(KafkaError) as failed:
        await TokenProvider(fetch).token()

    assert "canary" not in str(failed.value)
    assert failed.value.__cause__ is None


async def test_our_own_failure_of_a_token_says_why() -> None:
    async def fetch(_: str) -> str:
        raise Unavailable("the token endpoint answered 503")

    with pytest.raises(KafkaError, match="answered 503"):
        await TokenProvider(fetch).token()


async def test_a_token_that_does_not_come_does_not_block_all_connections(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "TOKEN_TIMEOUT", 0.01)

    async def fetch(_: str) -> str:
        await asyncio.Event().wait()
        return ""

    with pytest.raises(KafkaError, match="TimeoutError"):
        await TokenProvider(fetch).token()


async def test_a_token_that_a_broker_refuses_is_told_to_who_gave_it() -> None:
    """It may be dead long before its end, and would be given again until then."""
    told: list[str] = []

    async def fetch(refused: str) -> str:
        told.append(refused)
        return f"token-{len(told)}"

    provider = TokenProvider(fetch)
    first = StrictOAuth(sasl_oauth_token_provider=provider)
    await first.step(None)
    await StrictOAuth(sasl_oauth_token_provider=provider).step(None)

    with pytest.raises(KafkaError, match="refuses the token"):
        await first.step(b'{"status":"invalid_token"}')
    await provider.token()

    assert told == ["", "", "token-1"]


def test_a_lease_counts_from_the_sending_and_never_goes_back() -> None:
    lease = Lease(30.0)

    lease.renew(100.0)
    lease.renew(90.0)

    assert lease.until == 130.0
    lease.end()
    assert lease.until < 0


def test_the_librarys_debug_messages_never_pass_and_floods_are_cut() -> None:
    modest = Modest()

    def passes(level: int, at: float, message: str = "cannot reach %s") -> bool:
        record = logging.LogRecord("aiokafka", level, "", 0, message, ("node",), None)
        record.created = at
        passed = modest.filter(record)
        if passed:
            texts.append(record.getMessage())
        return passed

    texts: list[str] = []
    first_minute = [passes(logging.ERROR, 100.0 + n) for n in range(20)]

    assert not passes(logging.DEBUG, 100.0)
    assert sum(first_minute) == PER_WINDOW
    assert passes(logging.ERROR, 100.0 + WINDOW)
    assert texts[-1] == f"cannot reach node ({20 - PER_WINDOW} like it left out)"
    assert passes(logging.WARNING, 101.0, "another to %s")


def test_a_flood_that_is_summed_up_shows_no_more_than_its_first_line() -> None:
    """An error stands in a line of the library's by its class alone: its text may quote an event."""
    modest = Modest()
    error = ValueError("canary")

    def said(at: float) -> str:
        record = logging.LogRecord(
            "aiokafka", logging.ERROR, "", 0, "100%% amiss: %s", (error,), None
        )
        record.created = at
        modest.filter(record)
        return message(record)

    lines = [said(100.0 + at) for at in (*range(20), WINDOW)]

    assert lines[0] == "100% amiss: ValueError"
    assert lines[-1] == f"100% amiss: ValueError ({20 - PER_WINDOW} like it left out)"


def test_every_logger_of_the_library_is_quiet_and_stays_so_only_once() -> None:
    quiet_library_logs()
    quiet_library_logs()

    names = [name for name in logging.root.manager.loggerDict if name.startswith("aiokafka")]
    assert "aiokafka.conn" in names
    for name in names:
        filters = [each for each in logging.getLogger(name).filters if isinstance(each, Modest)]
        assert len(filters) == 1, name

"""Turns the settings into the configuration of each part of the service."""

from __future__ import annotations

from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from consumer.app.clock import AwakeClock
from consumer.app.kafka_tokens import KafkaTokens
from consumer.foundry.config import FoundryConfig
from consumer.kafka.client import KafkaConfig
from consumer.settings import Secret, Settings
from consumer.state.budget import LetterBudget
from consumer.state.limits import Limits, Retry
from consumer.state.vitals import Patience


def foundry_config(settings: Settings) -> FoundryConfig:
    """The configuration of the Foundry edge."""
    given = settings.foundry
    secret = given.secret("client_secret")
    if secret is None:
        raise TypeError("the settings were not checked: there is no client secret")
    return FoundryConfig(
        hostname=given.hostname,
        ontology=given.ontology,
        client_id=given.client_id,
        client_secret=secret,
        client_auth=given.client_auth,
        scopes=given.scopes,
        max_in_flight=given.max_in_flight,
        request_timeout=request_timeout(settings),
        ca_file=given.ca_file,
        proxy=given.proxy,
    )


REBALANCE_BEYOND_REQUEST = 15.0
"""Seconds that a rebalance allows for the drain, on top of the longest request."""


def kafka_config(settings: Settings) -> KafkaConfig:
    """The configuration of the Kafka edge. Its secrets are read now, and never again."""
    given = settings.kafka
    return KafkaConfig(
        bootstrap_servers=given.bootstrap_servers,
        group_id=given.group_id,
        client_id=given.client_id,
        initial_offset=given.initial_offset,
        session_timeout=given.session_timeout,
        rebalance_timeout=settings.foundry.request_timeout + REBALANCE_BEYOND_REQUEST,
        security_protocol=given.security_protocol,
        sasl_mechanism=given.sasl_mechanism or "PLAIN",
        sasl_username=given.sasl_username,
        sasl_password=_read(given.secret("sasl_password")),
        ssl_cafile=_path(given.ssl_cafile),
        ssl_certfile=_path(given.ssl_certfile),
        ssl_keyfile=_path(given.ssl_keyfile),
        ssl_key_password=_read(given.secret("ssl_key_password")),
    )


HEARTBEATS_TO_SPARE: Final = 3


def request_timeout(settings: Settings) -> float:
    """Seconds after which a request is given up: as set, but never longer than the membership is certain.

    A request may only start if it ends while the membership is certain. If requests could take longer than that,
    none could ever start.
    """
    kafka = kafka_config(settings)
    certain = kafka.lease_length - HEARTBEATS_TO_SPARE * kafka.heartbeat_interval
    return min(settings.foundry.request_timeout, certain)


def kafka_tokens(settings: Settings) -> KafkaTokens | None:
    """Where Kafka's bearer tokens come from; None: it needs none."""
    given = settings.kafka
    secret = given.secret("sasl_oauthbearer_client_secret")
    url, client_id = given.sasl_oauthbearer_token_endpoint_url, given.sasl_oauthbearer_client_id
    if given.sasl_mechanism != "OAUTHBEARER" or url is None or client_id is None or secret is None:
        return None
    scope = given.sasl_oauthbearer_scope
    now = AwakeClock().now
    return KafkaTokens(url, client_id, secret, scope, ca_file=given.ssl_cafile, now=now)


def _read(secret: Secret | None) -> str | None:
    return None if secret is None else secret.read()


def _path(path: Path | None) -> str | None:
    return None if path is None else str(path)


def core_limits(settings: Settings) -> tuple[Limits, Retry]:
    """The configuration of the core."""
    limits = Limits(
        max_records=settings.dispatch.max_records,
        max_bytes=settings.dispatch.max_bytes,
        max_span=settings.dispatch.max_span,
        max_in_flight=settings.foundry.max_in_flight,
        batch_size=settings.foundry.batch_size,
        commit_interval=settings.kafka.commit_interval,
        request_timeout=request_timeout(settings),
        settle_time=settings.foundry.settle_time,
    )
    retry = Retry(
        initial=settings.retry.initial,
        maximum=settings.retry.maximum,
        attempts=settings.retry.attempts,
    )
    return limits, retry


def letter_budget(settings: Settings) -> LetterBudget:
    """A full budget: it is only kept in memory."""
    given = settings.dead_letters
    return LetterBudget(burst=given.budget_burst, ratio=given.budget_ratio)


_PATIENCE: Final = 60.0
"""Seconds beyond what something may take before it counts as stuck."""


_FROZEN: Final = 10.0
"""After so many seconds between two looks, the process as a whole must have stood still."""


def patience(settings: Settings) -> Patience:
    """How long something may stand still without an explanation."""
    return Patience(
        # Twice, as the members' rebalance timeouts may differ while a new version is rolled out.
        poll=2 * kafka_config(settings).rebalance_timeout + _PATIENCE,
        commit=_PATIENCE,
        request=request_timeout(settings) + _PATIENCE,
        work=3 * _PATIENCE,
        fetch=5 * _PATIENCE,
        frozen=_FROZEN,
    )


def known_secrets(settings: Settings) -> frozenset[str]:
    """Every secret that has been read so far, for the log to remove."""
    seen = {value for section in settings.sections for s in section.secrets for value in s.seen}
    password = urlsplit(settings.foundry.proxy or "").password
    return frozenset(seen if password is None else {*seen, password, unquote(password)})

"""What must hold between settings. Each rule names the keys that break it, and what to do."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from pathlib import Path

from consumer.settings.faults import Fault, shown
from consumer.settings.fields import host_of, is_loopback, is_topic, unreadable
from consumer.settings.sections import KafkaSettings, Section, Settings

GRACE_BEYOND_REQUEST = 5.0
CLOSE_TO_OTHERS = "chmod 600, owned by this service's user"


def broken_rules(settings: Settings, *, offline: bool) -> Iterator[Fault]:
    """A fault for each rule that is broken. `offline`: a section of which nothing is set is not missing anything."""
    for section in settings.sections:
        if section.model_fields_set or not offline:
            yield from _required(section)
        yield from _secret_files(section)
    yield from _durations(settings)
    yield from _sasl(settings.kafka)
    yield from _tls(settings.kafka)
    yield from _topics(settings)


def letters_come_back(template: str, topics: Iterable[str]) -> Fault | None:
    """The fault if letters would be consumed as records, to become letters again. `topics`: all that are consumed.

    Apart from the other rules, as it is the contracts that say which topics these are.
    """
    for topic in topics:
        if template.replace("{topic}", topic) == topic:
            return _letters_consumed(template, topic)
    return None


def _letters_consumed(template: str, topic: str) -> Fault:
    return Fault(
        "dead_letters.topic",
        f"letters would be written to {topic}, which is a consumed topic, and come back as its records",
        'choose another topic: "{topic}.dlq" is the default',
        shown(template),
    )


def advice(settings: Settings) -> Iterator[str]:
    """What works, but is probably not what was meant."""
    kafka = settings.kafka
    remote = [s for s in kafka.bootstrap_servers if not is_loopback(host_of(s))]
    if kafka.security_protocol == "SASL_PLAINTEXT" and remote:
        yield (
            "kafka.security_protocol = SASL_PLAINTEXT sends the password in clear text"
            f" to {remote[0]}: use SASL_SSL"
        )
    admin = settings.admin
    if admin.port and admin.secrets and not is_loopback(admin.host):
        yield (
            f"admin: the token is sent in clear text to {admin.host}: keep the port inside the pod's network,"
            " or put TLS in front of it"
        )


def open_to_all(settings: Settings) -> Iterator[str]:
    """Secrets' files that every user of this machine can read.

    Not part of `advice`, which is logged at each start: secrets mounted into a pod are readable by default.
    """
    for section in settings.sections:
        for secret in section.secrets:
            if secret.path is not None and secret.path.stat().st_mode & stat.S_IROTH:
                yield f"{secret.name}: {str(secret.path)!r} can be read by every user"


def variable(section: type[Section] | Section, key: str) -> str:
    """The name of the environment variable for a key."""
    return f"{section.model_config.get('env_prefix', '')}{key}".upper()


def _missing(section: Section, key: str) -> Fault:
    file = f", or [{section.name}] {key}_file" if key in section.secret_keys else ""
    return Fault(
        f"{section.name}.{key}",
        "is missing",
        f"set [{section.name}] {key}{file} in the file, or {variable(section, key)}",
    )


def _required(section: Section) -> Iterator[Fault]:
    for key in section.required:
        if not getattr(section, key) and section.secret(key) is None:
            yield _missing(section, key)


def _secret_files(section: Section) -> Iterator[Fault]:
    for secret in section.secrets:
        shown_path = None if secret.path is None else shown(str(secret.path))
        remedy = "give a readable file that contains the secret and nothing else"
        try:
            empty = not secret.read()
        except OSError as error:
            problem = unreadable(secret.path or Path(), error)
            yield Fault(secret.name, problem, remedy, shown_path)
        except ValueError as error:
            yield Fault(secret.name, str(error), remedy, shown_path)
        else:
            if empty:
                yield Fault(secret.name, "is empty", "set it, or leave it out")


def _durations(settings: Settings) -> Iterator[Fault]:
    least = settings.foundry.request_timeout + GRACE_BEYOND_REQUEST
    if settings.stop.grace < least:
        yield Fault(
            "stop.grace",
            f"must be at least foundry.request_timeout + {GRACE_BEYOND_REQUEST:g} = {least:g},"
            " or a stop gives up requests that are still in flight",
            "raise stop.grace (and the pod's termination grace), or lower foundry.request_timeout",
            f"{settings.stop.grace:g}",
        )
    if settings.retry.initial > settings.retry.maximum:
        yield Fault(
            "retry.initial",
            f"must not be above retry.maximum = {settings.retry.maximum:g}",
            "lower it, or raise retry.maximum",
            f"{settings.retry.initial:g}",
        )
    if settings.kafka.commit_interval > settings.kafka.session_timeout:
        yield Fault(
            "kafka.commit_interval",
            f"must not be above kafka.session_timeout = {settings.kafka.session_timeout:g}",
            "lower it: the default, 1, suits nearly everyone",
            f"{settings.kafka.commit_interval:g}",
        )


_SASL = {
    "OAUTHBEARER": (
        "sasl_oauthbearer_token_endpoint_url",
        "sasl_oauthbearer_client_id",
        "sasl_oauthbearer_client_secret",
    ),
    None: (),
}
_PASSWORD = ("sasl_username", "sasl_password")


def _given(kafka: KafkaSettings, key: str) -> bool:
    return kafka.secret(key) is not None or getattr(kafka, key) is not None


def _sasl(kafka: KafkaSettings) -> Iterator[Fault]:
    protocol, mechanism = kafka.security_protocol, kafka.sasl_mechanism
    if not protocol.startswith("SASL"):
        for key in ("sasl_mechanism", *_PASSWORD, *_SASL["OAUTHBEARER"]):
            if _given(kafka, key):
                yield _unused(key, protocol, "SASL_SSL")
        return
    if mechanism is None:
        remedy = "set it: PLAIN, SCRAM-SHA-256, SCRAM-SHA-512 or OAUTHBEARER"
        yield Fault(
            "kafka.sasl_mechanism", f"is required with security_protocol = {protocol}", remedy
        )
    for key in _SASL.get(mechanism, _PASSWORD):
        if not _given(kafka, key):
            yield Fault(
                f"kafka.{key}",
                f"is required with sasl_mechanism = {mechanism}",
                f"set [kafka] {key} in the file, or {variable(kafka, key)}",
            )


def _tls(kafka: KafkaSettings) -> Iterator[Fault]:
    if not kafka.security_protocol.endswith("SSL"):
        # The token endpoint's certificate is verified with it as well.
        asked = ("ssl_cafile",) if kafka.sasl_mechanism != "OAUTHBEARER" else ()
        for key in (*asked, "ssl_certfile", "ssl_keyfile", "ssl_key_password"):
            if _given(kafka, key):
                secure = "SASL_SSL" if kafka.security_protocol.startswith("SASL") else "SSL"
                yield _unused(key, kafka.security_protocol, secure)
    elif kafka.ssl_keyfile is not None and kafka.ssl_certfile is None:
        remedy = "set the certificate that belongs to the key"
        yield Fault("kafka.ssl_certfile", "is required with ssl_keyfile", remedy)


def _unused(key: str, protocol: str, secure: str) -> Fault:
    return Fault(
        f"kafka.{key}",
        f"has no effect: kafka.security_protocol is {protocol}",
        f"set security_protocol = {secure!r}, or leave {key} out",
    )


def _topics(settings: Settings) -> Iterator[Fault]:
    names = list(settings.topics.values())
    for contract, name in settings.topics.items():
        key = f"topics.{contract}"
        if not is_topic(name):
            problem = "must be a topic name: 1 to 249 of A-Z a-z 0-9 . _ -"
            yield Fault(key, problem, "give the topic's name in Kafka", shown(name))
        elif names.count(name) > 1:
            problem = "two contract topics have this same name here"
            yield Fault(key, problem, "give each a topic of its own", shown(name))
    if settings.dead_letters.topic in names:
        yield _letters_consumed(settings.dead_letters.topic, settings.dead_letters.topic)

"""Settings: one file and the environment, checked once, all faults in one go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from consumer.settings import Fault, InvalidSettings, Settings, load_settings

LONG_LABEL = "x" * 64
ENOUGH = """
[kafka]
bootstrap_servers = "one.example:9092, two.example:9092"
group_id = "helpdesk"
[foundry]
hostname = "acme.example"
ontology = "helpdesk"
client_id = "client"
client_secret = "canary-s3cr3t"
"""


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing of the developer's own environment or directory is read."""
    for name in list(os.environ):
        if name.upper().startswith(("KAFKA_", "FOUNDRY_", "CONSUMER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def written(text: str, name: str = "other.toml") -> Path:
    path = Path(name)
    path.write_text(text, encoding="utf-8")
    return path


def loaded(text: str) -> Settings:
    return load_settings(written(text))


def faults(text: str) -> dict[str, Fault]:
    with pytest.raises(InvalidSettings) as caught:
        loaded(text)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None
    return {fault.key: fault for fault in caught.value.faults}


def test_what_is_not_given_has_the_published_default() -> None:
    settings = loaded(ENOUGH)

    assert settings.consumer.contracts == "schemas"
    assert settings.kafka.bootstrap_servers == ("one.example:9092", "two.example:9092")
    assert settings.kafka.initial_offset == "earliest"
    assert (settings.kafka.commit_interval, settings.kafka.session_timeout) == (1, 45)
    assert settings.foundry.hostname == "https://acme.example"
    assert settings.foundry.scopes == ("api:ontologies-read", "api:ontologies-write")
    assert (settings.foundry.max_in_flight, settings.foundry.batch_size) == (64, 20)
    assert (settings.foundry.request_timeout, settings.foundry.settle_time) == (15, 30)
    assert settings.dispatch.max_records == 10_000
    assert settings.dispatch.max_bytes == 64 * 1024 * 1024
    assert settings.dispatch.max_span == 12_000
    assert (settings.retry.initial, settings.retry.maximum, settings.retry.attempts) == (0.2, 30, 5)
    assert settings.dead_letters.topic == "{topic}.dlq"
    assert (settings.dead_letters.budget_ratio, settings.dead_letters.budget_burst) == (0.05, 100)
    assert settings.stop.grace == 25
    assert (settings.log.level, settings.log.format) == ("info", None)
    assert settings.warnings == ()


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_GROUP_ID", "other")
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "[::1]:9092")
    monkeypatch.setenv("FOUNDRY_SCOPES", "api:one api:two")
    monkeypatch.setenv("CONSUMER_CONTRACTS", "contracts.of.ours")
    monkeypatch.setenv("CONSUMER_DEAD_LETTERS_TOPIC", "{topic}.letters")
    monkeypatch.setenv("CONSUMER_DISPATCH_MAX_BYTES", "8MiB")

    settings = loaded(ENOUGH)

    assert settings.kafka.group_id == "other"
    assert settings.kafka.bootstrap_servers == ("[::1]:9092",)
    assert settings.foundry.scopes == ("api:one", "api:two")
    assert settings.consumer.contracts == "contracts.of.ours"
    assert settings.dead_letters.topic == "{topic}.letters"
    assert settings.dispatch.max_bytes == 8 * 1024 * 1024


def test_variables_that_nobody_knows_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KAFKA_PORT", "tcp://10.0.0.1:9092")
    monkeypatch.setenv("CONSUMER_TOPICS", "x")
    monkeypatch.setenv("FOUNDRY_TOKEN", "t")
    monkeypatch.setenv("KAFKA_CLIENT_ID", "")

    settings = loaded(ENOUGH)

    assert settings.topics == {}
    assert settings.kafka.client_id == "foundry-consumer"


def test_the_default_file_is_read_if_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    written(ENOUGH.replace("helpdesk", "from-default"), "consumer.toml")

    settings = load_settings()

    assert settings.kafka.group_id == "from-default"
    assert settings.file == Path("consumer.toml")


def test_the_environment_alone_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "KAFKA_BOOTSTRAP_SERVERS": "localhost:9092",
        "KAFKA_GROUP_ID": "g",
        "FOUNDRY_HOSTNAME": "http://127.0.0.1:8000/",
        "FOUNDRY_ONTOLOGY": "ri.ontology.main.ontology.1",
        "FOUNDRY_CLIENT_ID": "c",
        "FOUNDRY_CLIENT_SECRET": "s",
    }.items():
        monkeypatch.setenv(name, value)

    settings = load_settings()

    assert settings.file is None
    assert settings.foundry.hostname == "http://127.0.0.1:8000"


def test_all_faults_are_said_at_once_with_origin_and_remedy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FOUNDRY_BATCH_SIZE", "21")

    found = faults(
        """
        group_id = "g"
        [kafka]
        sesion_timeout = 5
        session_timeout = "soon"
        [foundry]
        hostname = "http://acme.example"
        max_in_flight = 801
        [dispatch]
        max_span = 12001
        [stop]
        grace = 19.9
        [retri]
        """
    )

    assert "did you mean session_timeout" in found["kafka.sesion_timeout"].remedy
    assert found["kafka.session_timeout"].value == "'soon'"
    assert found["kafka.session_timeout"].origin == "other.toml"
    assert "KAFKA_GROUP_ID" in found["kafka.group_id"].remedy
    assert "KAFKA_BOOTSTRAP_SERVERS" in found["kafka.bootstrap_servers"].remedy
    assert found["foundry.batch_size"].origin == "FOUNDRY_BATCH_SIZE"
    assert "loopback" in found["foundry.hostname"].problem
    assert "[foundry] client_secret_file" in found["foundry.client_secret"].remedy
    assert "request_timeout + 5" in found["stop.grace"].problem
    assert "[kafka]" in found["group_id"].remedy
    assert "[retry]" in found["retri"].remedy
    assert {"foundry.max_in_flight", "foundry.ontology", "foundry.client_id"} <= found.keys()
    assert "dispatch.max_span" in found


@pytest.mark.parametrize(
    ("section", "line", "key"),
    [
        ("kafka", "commit_interval = 0", "kafka.commit_interval"),
        ("kafka", "commit_interval = inf", "kafka.commit_interval"),
        ("kafka", "commit_interval = 46", "kafka.commit_interval"),
        ("kafka", "session_timeout = 5", "kafka.session_timeout"),
        ("kafka", 'initial_offset = "newest"', "kafka.initial_offset"),
        ("kafka", 'bootstrap_servers = "kafka://a:9092"', "kafka.bootstrap_servers"),
        ("kafka", "bootstrap_servers = []", "kafka.bootstrap_servers"),
        ("kafka", 'bootstrap_servers = "one..example:9092"', "kafka.bootstrap_servers"),
        ("kafka", f'bootstrap_servers = "{LONG_LABEL}.example:9092"', "kafka.bootstrap_servers"),
        ("kafka", 'ssl_cafile = "nowhere.pem"', "kafka.ssl_cafile"),
        ("kafka", 'sasl_username = "u"', "kafka.sasl_username"),
        ("kafka", 'security_protocol = "SASL_SSL"', "kafka.sasl_mechanism"),
        ("foundry", "request_timeout = nan", "foundry.request_timeout"),
        ("foundry", "batch_size = true", "foundry.batch_size"),
        ("foundry", "batch_size = 0", "foundry.batch_size"),
        ("foundry", 'hostname = "https://user:pw@acme"', "foundry.hostname"),
        ("foundry", 'hostname = "https://acme/a/../b"', "foundry.hostname"),
        ("foundry", 'hostname = "https://acme..example"', "foundry.hostname"),
        ("foundry", 'proxy = "http://proxy..example:3128"', "foundry.proxy"),
        ("foundry", 'proxy = "http://proxy.example:port"', "foundry.proxy"),
        ("foundry", 'proxy = "http://proxy.example:65536"', "foundry.proxy"),
        ("foundry", 'proxy = "http://proxy.example:0"', "foundry.proxy"),
        ("admin", 'host = "pod..example"', "admin.host"),
        ("admin", 'host = "a host"', "admin.host"),
        ("admin", 'host = "http://pod.example"', "admin.host"),
        ("foundry", 'ontology = "../admin"', "foundry.ontology"),
        ("foundry", 'client_secret_file = "nowhere"', "foundry.client_secret_file"),
        ("retry", "initial = 31", "retry.initial"),
        ("retry", "attempts = 0", "retry.attempts"),
        ("dead_letters", 'topic = "{nope}.dlq"', "dead_letters.topic"),
        ("dead_letters", "budget_ratio = -0.1", "dead_letters.budget_ratio"),
        ("consumer", 'contracts = "schemas.py/x"', "consumer.contracts"),
        ("topics", '"a" = "same"\n"b" = "same"', "topics.b"),
        ("topics", 'a.b = "dotted"', "topics.a"),
        ("log", 'level = "loud"', "log.level"),
        ("log", "level = [", "other.toml"),
        ("log", 'level = "info"\nlevel = "info"', "other.toml"),
    ],
)
def test_a_value_that_cannot_stand_is_refused(section: str, line: str, key: str) -> None:
    base = "" if section == "foundry" and "client_secret_file" in line else ENOUGH
    text = "\n".join(
        row for row in base.splitlines() if not row.startswith(f"{line.split(maxsplit=1)[0]} ")
    )
    text = text.replace(f"[{section}]", f"[{section}]\n{line}")

    found = faults(text if f"[{section}]" in text else f"{text}\n[{section}]\n{line}\n")

    assert key in found
    assert found[key].remedy


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "::1", "localhost", "pod-1.ns_x.example."])  # noqa: S104 - only read
def test_an_address_or_a_name_is_listened_on(host: str) -> None:
    assert loaded(f'{ENOUGH}\n[admin]\nhost = "{host}"\n').admin.host == host


def test_a_key_that_stands_twice_is_called_so() -> None:
    found = faults('[log]\nlevel = "info"\nlevel = "debug"\n')

    assert "is given twice" in found["other.toml"].problem
    assert "line 3" in found["other.toml"].problem


def test_a_file_that_was_named_must_be_there() -> None:
    with pytest.raises(InvalidSettings, match=r"nowhere\.toml: cannot be read: No such file"):
        load_settings(Path("nowhere.toml"))


def test_a_file_that_is_no_text_is_refused() -> None:
    Path("other.toml").write_bytes(b"[log]\nlevel = '\xff'\n")

    with pytest.raises(InvalidSettings, match="UTF-8"):
        load_settings(Path("other.toml"))


def test_the_settings_cannot_be_changed() -> None:
    settings = loaded(ENOUGH)

    with pytest.raises(ValueError, match="frozen"):
        settings.foundry.batch_size = 3  # type: ignore[misc]  # the point of the test


def test_a_password_over_an_open_line_is_warned_of(tmp_path: Path) -> None:
    text = ENOUGH.replace(
        "[kafka]",
        '[kafka]\nsecurity_protocol = "sasl_plaintext"\nsasl_mechanism = "plain"\n'
        'sasl_username = "u"\nsasl_password = "p"',
    )

    settings = loaded(text)
    local = loaded(text.replace("one.example:9092, two.example:9092", "localhost:9092"))

    assert "SASL_SSL" in settings.warnings[0]
    assert local.warnings == ()


def test_a_token_over_an_open_line_is_warned_of() -> None:
    line = 'token = "0123456789abcdef"'

    def warnings(lines: str) -> tuple[str, ...]:
        return loaded(f"{ENOUGH}\n[admin]\n{lines}\n").warnings

    assert "in clear text to 0.0.0.0" in warnings(f'host = "0.0.0.0"\n{line}')[0]
    assert warnings(line) == ()
    assert warnings('host = "0.0.0.0"') == ()
    assert warnings(f'host = "0.0.0.0"\nport = 0\n{line}') == ()


def test_the_names_of_the_admin_port_are_names_alone() -> None:
    settings = loaded(f'{ENOUGH}\n[admin]\nallowed_hosts = "consumer.svc, metrics"\n')

    assert settings.admin.allowed_hosts == ("consumer.svc", "metrics")
    for wrong in ("*", "https://consumer", "consumer:8080", "a/b"):
        with pytest.raises(InvalidSettings, match=r"admin\.allowed_hosts"):
            loaded(f'{ENOUGH}\n[admin]\nallowed_hosts = ["{wrong}"]\n')

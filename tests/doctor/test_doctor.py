"""The doctor against the emulator on loopback: each way to be wrong has its own finding and remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.settings import Secret
from deploy.local.foundry import Client, parse_fault, serve
from tests.doctor.examining import changed, config, examined, levels

ACTIONS = 9
KAFKA = ("kafka.brokers", "topics", "kafka.group")


async def test_where_foundry_is_well_every_step_says_so_and_nothing_is_applied() -> None:
    async with serve() as foundry:
        found = await examined(config(foundry.url))
        effects = foundry.effects.total

    foundrys = {step: level for step, level in levels(found).items() if step not in KAFKA}
    assert set(foundrys.values()) <= {"ok", "skip"}
    assert list(found)[:10] == [
        "settings",
        "contracts",
        *KAFKA,
        "foundry.host",
        "foundry.tls",
        "foundry.token",
        "foundry.scopes",
        "foundry.ontology",
    ]
    assert sum(step.startswith("action ") for step in found) == ACTIONS
    assert effects == 0


async def test_brokers_that_do_not_answer_are_named_and_foundry_is_looked_at_all_the_same() -> None:
    async with serve() as foundry:
        found = await examined(config(foundry.url))

    assert levels(found)["kafka.brokers"] == "fail"
    assert "127.0.0.1:1" in found["kafka.brokers"][0].what
    assert "bootstrap_servers" in found["kafka.brokers"][0].remedy
    assert levels(found)["topics"] == levels(found)["kafka.group"] == "skip"
    assert levels(found)["foundry.ontology"] == "ok"


async def test_over_tls_the_authority_has_to_be_known(tmp_path: Path) -> None:
    async with serve(cert_dir=tmp_path) as foundry:
        trusting = await examined(config(foundry.url, ca_file=foundry.ca_file))
        strange = await examined(config(foundry.url))

    assert levels(trusting)["foundry.tls"] == "ok"
    assert "certificate valid until" in trusting["foundry.tls"][0].what
    assert levels(strange)["foundry.tls"] == "fail"
    assert "foundry.ca_file" in strange["foundry.tls"][0].remedy
    assert levels(strange)["foundry.token"] == "skip"
    assert "foundry.host" in strange["foundry.token"][0].what


async def test_an_unreachable_host_skips_what_depends_on_it() -> None:
    found = await examined(config("http://127.0.0.1:1"))

    assert levels(found)["foundry.host"] == "fail"
    assert "egress" in found["foundry.host"][-1].remedy
    assert [levels(found)[f"foundry.{step}"] for step in ("token", "scopes", "ontology")] == [
        "skip"
    ] * 3
    assert levels(found)["actions"] == "skip"
    assert levels(found)["contracts"] == "ok"


async def test_an_unreachable_proxy_is_named_and_not_the_host() -> None:
    found = await examined(config("https://127.0.0.1:2", proxy="http://user:pw@127.0.0.1:1"))

    (connected,) = [each for each in found["foundry.host"] if each.level == "fail"]
    assert connected.what.startswith("127.0.0.1 (of the proxy): ")
    assert "foundry.proxy" in connected.remedy
    assert "foundry.hostname" not in connected.remedy
    assert "pw" not in str(found)


async def test_a_wrong_secret_is_named_as_such_and_not_shown() -> None:
    async with serve() as foundry:
        found = await examined(
            config(foundry.url, client_secret=Secret("foundry.client_secret", text="canary-wrong"))
        )

    assert levels(found)["foundry.token"] == "fail"
    assert "invalid_client" in found["foundry.token"][0].what
    assert "regenerate" in found["foundry.token"][0].remedy
    assert "canary" not in str(found)


async def test_a_grant_that_is_not_enabled_is_named() -> None:
    client = Client("consumer", {"consumer-secret"}, grant_enabled=False)
    async with serve(clients=[client]) as foundry:
        found = await examined(config(foundry.url))

    assert "client credentials" in found["foundry.token"][0].remedy


async def test_a_scope_that_the_application_lacks_is_named() -> None:
    client = Client("consumer", {"consumer-secret"}, frozenset({"api:ontologies-read"}))
    async with serve(clients=[client]) as foundry:
        refused = await examined(config(foundry.url))
        unasked = await examined(config(foundry.url, scopes=()))

    assert "foundry.scopes" in refused["foundry.token"][0].remedy
    assert levels(unasked)["foundry.scopes"] == "warn"


@pytest.mark.parametrize(
    ("asked", "lacking"),
    [
        (("api:ontologies-read",), ["api:ontologies-write"]),
        (("api:use-ontologies-write",), ["api:ontologies-read"]),
        (("api:admin-read",), ["api:ontologies-read", "api:ontologies-write"]),
        (("api:use-ontologies-read", "api:use-ontologies-write"), []),
    ],
)
async def test_a_scope_that_every_action_needs_must_be_asked_for(
    asked: tuple[str, ...], lacking: list[str]
) -> None:
    """All that was asked for is granted, and `run` would wait at a gate all the same."""
    async with serve() as foundry:
        found = (await examined(config(foundry.url, scopes=asked)))["foundry.scopes"]

    assert [each.level for each in found] == (["fail"] if lacking else ["ok"])
    for scope in lacking:
        assert scope in found[0].what
        assert "foundry.scopes" in found[0].remedy


async def test_a_wrong_ontology_is_answered_with_those_that_are_seen() -> None:
    async with serve() as foundry:
        found = await examined(config(foundry.url, ontology="fieldwrok"))

    assert levels(found)["foundry.ontology"] == "fail"
    assert "fieldwork" in found["foundry.ontology"][0].remedy
    assert levels(found)["actions"] == "skip"


async def test_a_renamed_action_type_is_found_by_its_new_name() -> None:
    async with changed(apiName="create-tickets") as foundry:
        found = await examined(config(foundry.url))

    assert levels(found)["action create-ticket"] == "fail"
    assert "create-tickets" in found["action create-ticket"][0].remedy
    assert levels(found)["action close-ticket"] == "ok"


async def test_a_role_that_is_missing_is_named_with_what_names_it_for_support() -> None:
    fault = parse_fault(
        "error:name=ViewObjectPermissionDenied,code=PERMISSION_DENIED,endpoint=metadata"
    )
    async with serve(faults=[fault]) as foundry:
        found = await examined(config(foundry.url))

    (finding,) = found["foundry.ontology"]
    assert finding.level == "fail"
    assert "errorInstanceId" in finding.what
    assert "role" in finding.remedy


@pytest.mark.parametrize(
    ("status", "remedy"), [("DEPRECATED", "replaces it"), ("EXPERIMENTAL", "may change")]
)
async def test_an_action_type_that_may_go_or_change_is_a_warning(status: str, remedy: str) -> None:
    async with changed(status=status) as foundry:
        found = await examined(config(foundry.url))

    (finding,) = found["action create-ticket"]
    assert finding.level == "warn"
    assert remedy in finding.remedy


async def test_contracts_that_do_not_import_skip_the_actions_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONSUMER_CONTRACTS", "no_such_contracts")

    async with serve() as foundry:
        found = await examined(config(foundry.url))

    assert levels(found)["contracts"] == "fail"
    assert levels(found)["foundry.ontology"] == "ok"
    assert levels(found)["actions"] == "skip"


async def test_letters_that_would_be_consumed_again_are_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("CONSUMER_DEAD_LETTERS_TOPIC", "helpdesk.tickets")

    found = await examined(config("http://127.0.0.1:1"))

    assert levels(found)["contracts"] == "fail"
    assert "dead_letters.topic" in found["contracts"][0].what


async def test_a_secret_that_everybody_can_read_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    monkeypatch.delenv("FOUNDRY_CLIENT_SECRET")
    monkeypatch.setenv("FOUNDRY_CLIENT_SECRET_FILE", str(secret))

    secret.chmod(0o644)
    open_to_all = await examined(config("http://127.0.0.1:1"))
    secret.chmod(0o600)
    private = await examined(config("http://127.0.0.1:1"))

    assert levels(open_to_all)["settings"] == "warn"
    assert levels(private)["settings"] == "ok"

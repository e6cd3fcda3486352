"""Secrets: from text or a file, found again when they rotate, and never shown."""

from __future__ import annotations

import os
import pickle
import traceback
from pathlib import Path

import pytest

from consumer.settings import InvalidSettings, Secret, load_settings

CANARY = "canary-s3cr3t-0123456789"
BASE = """
[kafka]
bootstrap_servers = ["localhost:9092"]
group_id = "g"
[foundry]
hostname = "acme.example"
ontology = "o"
client_id = "c"
"""


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.upper().startswith(("KAFKA_", "FOUNDRY_", "CONSUMER_")):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_a_secret_file_is_read_again_after_it_changed() -> None:
    Path("secret").write_text("old\n")
    Path("consumer.toml").write_text(f'{BASE}client_secret_file = "secret"\n')

    secret = load_settings().foundry.secret("client_secret")
    assert secret is not None
    before = secret.read()
    Path("new").write_text("new\r\n")
    Path("new").replace("secret")

    assert (before, secret.read()) == ("old", "new")
    assert secret.seen == {"old", "new"}


def test_a_variable_of_either_kind_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("secret").write_text("of the file's file")
    Path("consumer.toml").write_text(f'{BASE}client_secret_file = "secret"\n')
    monkeypatch.setenv("FOUNDRY_CLIENT_SECRET", "of the variable")

    secret = load_settings().foundry.secret("client_secret")

    assert secret is not None
    assert secret.read() == "of the variable"


def test_a_secret_that_is_given_twice_is_refused() -> None:
    Path("secret").write_text("x")
    Path("consumer.toml").write_text(
        f'{BASE}client_secret = "{CANARY}"\nclient_secret_file = "secret"\n'
    )

    with pytest.raises(InvalidSettings, match="keep one of the two") as caught:
        load_settings()

    assert CANARY not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe", b"x" * 70_000])
def test_a_secret_file_without_a_usable_secret_is_refused(content: bytes) -> None:
    Path("secret").write_bytes(content)
    Path("consumer.toml").write_text(f'{BASE}client_secret_file = "secret"\n')

    with pytest.raises(InvalidSettings, match=r"foundry\.client_secret_file"):
        load_settings()


@pytest.mark.parametrize(
    "lines",
    [
        f'client_secret = "{CANARY}"\nclient_secretx = "{CANARY}"\nmax_in_flight = "no"',
        f'client_secret = ["{CANARY}"]',
        f'client_secret = "{CANARY}"\nproxy = "ftp://user:{CANARY}@proxy"',
        f'client_secret = "{CANARY}"\n[kafk]\nsasl_password = "{CANARY}"',
        f'client_secret = "{CANARY}"\n[stop]\ngrace = 1',
        f'client_secret = "{CANARY}"\nsasl_password = "{CANARY}"',
        f'client_secret = "{CANARY}"\n[admin]\ntoken = ["{CANARY}"]\nport = -1',
    ],
)
def test_no_fault_shows_a_secret(lines: str) -> None:
    Path("consumer.toml").write_text(f"{BASE}{lines}\n")

    with pytest.raises(InvalidSettings) as caught:
        load_settings()

    assert CANARY not in str(caught.value)
    assert CANARY not in repr(caught.value.faults)
    assert CANARY not in "".join(traceback.format_exception(caught.value))
    assert caught.value.__context__ is None


def test_neither_repr_nor_dump_nor_pickle_show_a_secret() -> None:
    Path("consumer.toml").write_text(f'{BASE}client_secret = "{CANARY}"\n')

    settings = load_settings()
    secret = settings.foundry.secret("client_secret")

    assert secret is not None
    assert CANARY not in f"{settings!r} {secret!r} {secret}"
    assert CANARY not in settings.foundry.model_dump_json()
    with pytest.raises(TypeError, match="not pickled"):
        pickle.dumps(secret)


def test_the_last_tokens_that_a_secret_got_are_secrets_too() -> None:
    secret = Secret("foundry.client_secret", text=CANARY)

    for number in range(10):
        secret.remember(f"token-{number}")

    assert secret.seen == {CANARY, "token-6", "token-7", "token-8", "token-9"}
    assert "token" not in repr(secret)


def test_a_secret_is_text_or_a_file() -> None:
    with pytest.raises(ValueError, match="either text or a file"):
        Secret("foundry.client_secret")


def test_a_file_that_is_not_there_is_named_by_its_whole_path() -> None:
    """Relative paths count from the working directory, and not from where the settings' file lies."""
    Path("there").mkdir()
    told = Path("there/consumer.toml")
    told.write_text(f'{BASE}client_secret_file = "secret"\nca_file = "ca.pem"\n')
    Path("there/secret").write_text("x")

    with pytest.raises(InvalidSettings) as refused:
        load_settings(told)

    said = str(refused.value)
    assert f"cannot be read at '{Path('secret').absolute()}': No such file" in said
    assert f"cannot be read at '{Path('ca.pem').absolute()}': No such file" in said

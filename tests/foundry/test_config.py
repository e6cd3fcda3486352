"""Where Foundry is, and what is refused before a byte is sent."""

from __future__ import annotations

from typing import Any

import pytest
from yarl import URL

from consumer.errors import SettingsError
from consumer.foundry.config import endpoint
from consumer.settings import Secret
from tests.foundry.server import config


@pytest.mark.parametrize(
    ("hostname", "base"),
    [
        ("acme.palantirfoundry.com", "https://acme.palantirfoundry.com"),
        (" acme.palantirfoundry.com/ ", "https://acme.palantirfoundry.com"),
        ("acme.example:8443/gateway/v1/", "https://acme.example:8443/gateway/v1"),
        ("https://ACME.example", "https://acme.example"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:80/x", "http://[::1]:80/x"),
        ("localhost:8080", "https://localhost:8080"),
    ],
)
def test_a_host_or_a_url_gives_the_base(hostname: str, base: str) -> None:
    assert config(hostname).hostname == base


@pytest.mark.parametrize(
    "hostname",
    [
        "",
        "https://",
        "http://acme.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "ftp://acme.example",
        "https://user:canary@acme.example",
        "https://acme.example?x=canary",
        "https://acme.example#canary",
        "https://acme.example/a/../b",
        "https://acme.example/%2e%2e/b",
        "https://acme.example//b",
        "https://acme example",
        "https://acme.example:canary",
        "https://acme.example:99999",
        "https://acme.example\\@evil.example",
    ],
)
def test_a_host_that_is_not_one_is_refused_without_showing_secrets(hostname: str) -> None:
    with pytest.raises(SettingsError) as refused:
        config(hostname)

    assert "canary" not in str(refused.value)


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_dot_segment_is_no_segment(value: str) -> None:
    with pytest.raises(ValueError, match="segment"):
        endpoint("https://acme.example", value)


def test_a_segment_stays_one_whatever_it_holds() -> None:
    url = endpoint("https://acme.example/x", "a/../b", "%2e%2e", "c?d#e f", "ü;=@&+")

    assert str(url) == (
        "https://acme.example/x/a%2F..%2Fb/%252e%252e/c%3Fd%23e%20f/%C3%BC%3B%3D%40%26%2B"
    )
    assert URL(str(url), encoded=True).raw_parts[2] == "a%2F..%2Fb"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ontology", ""),
        ("ontology", ".."),
        ("client_id", " "),
        ("max_in_flight", 0),
        ("max_in_flight", 801),
        ("request_timeout", 0.0),
        ("request_timeout", float("nan")),
        ("request_timeout", float("inf")),
        ("proxy", "socks5://127.0.0.1"),
        ("proxy", "http://"),
        ("proxy", "http://u:canary@h:x"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(name: str, value: Any) -> None:
    with pytest.raises(SettingsError, match=name) as refused:
        config("https://acme.example", **{name: value})

    assert "canary" not in str(refused.value)


def test_a_secret_is_not_shown() -> None:
    secret = Secret("foundry.client_secret", text="canary")

    assert "canary" not in repr(config("acme.example", client_secret=secret))

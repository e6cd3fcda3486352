"""What must hold between settings, rule by rule."""

from __future__ import annotations

from pathlib import Path

import pytest

from consumer.settings.rules import _tls
from consumer.settings.sections import KafkaSettings


def test_the_authority_of_a_token_endpoint_is_used_though_kafka_speaks_no_tls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("ca.pem").touch()
    kafka = KafkaSettings(
        security_protocol="SASL_PLAINTEXT",
        sasl_mechanism="OAUTHBEARER",
        ssl_cafile=Path("ca.pem"),
    )
    plain = KafkaSettings(**(kafka.model_dump() | {"sasl_mechanism": "PLAIN"}))

    assert [fault.key for fault in _tls(kafka)] == []
    assert [fault.key for fault in _tls(plain)] == ["kafka.ssl_cafile"]

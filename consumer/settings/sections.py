"""The sections of the settings: a frozen model for each, with all defaults."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

from pydantic import ByteSize, Field, PrivateAttr, SecretStr, field_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from consumer.settings.fields import (
    ApiName,
    BaseUrl,
    HostName,
    HostNames,
    LetterTopic,
    Lower,
    ModulePath,
    ProxyUrl,
    ReadableFile,
    Scopes,
    Seconds,
    Servers,
    Upper,
)
from consumer.settings.secret import Secret

MIB = 1_048_576


class Section(BaseSettings):
    """One table of the file, and the environment variables that override it.

    A required key has an empty default here, and a rule demands it, so that one missing key does not hide the
    other faults of its section.
    """

    model_config = SettingsConfigDict(
        frozen=True,
        extra="forbid",
        env_ignore_empty=True,
        hide_input_in_errors=True,
        str_strip_whitespace=True,
        validate_default=False,
    )
    name: ClassVar[str]
    required: ClassVar[tuple[str, ...]] = ()
    secret_keys: ClassVar[tuple[str, ...]] = ()
    _secrets: dict[str, Secret] = PrivateAttr(default_factory=dict)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only what is passed in: the loader reads the sources itself, as it has to know where each value came from."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_values(cls, value: object) -> object:
        if isinstance(value, bool):
            raise ValueError("must not be true or false")  # noqa: TRY004 - pydantic wants ValueError
        return value

    def model_post_init(self, _context: Any, /) -> None:
        """Make each secret only once, so that everybody who uses it shares what was read so far."""
        for key in self.secret_keys:
            text, path = getattr(self, key), getattr(self, f"{key}_file")
            name = f"{self.name}.{key}"
            if text is not None and path is None:
                self._secrets[key] = Secret(name, text=text.get_secret_value())
            elif path is not None and text is None:
                self._secrets[key] = Secret(f"{name}_file", path=path)

    def secret(self, key: str) -> Secret | None:
        """The secret of this key, whether it was given as text or as a file; None: not given."""
        return self._secrets.get(key)

    @property
    def secrets(self) -> tuple[Secret, ...]:
        return tuple(self._secrets.values())


class ConsumerSettings(Section):
    model_config = SettingsConfigDict(env_prefix="CONSUMER_")
    name = "consumer"

    contracts: ModulePath = "schemas"


class KafkaSettings(Section):
    model_config = SettingsConfigDict(env_prefix="KAFKA_")
    name = "kafka"
    required = ("bootstrap_servers", "group_id")
    secret_keys = ("sasl_password", "sasl_oauthbearer_client_secret", "ssl_key_password")

    bootstrap_servers: Servers = ()
    group_id: str = Field(default="", max_length=200)
    client_id: str = Field(default="foundry-consumer", pattern=r"^[A-Za-z0-9._-]{1,200}$")
    initial_offset: Annotated[Literal["earliest", "latest"], Lower] = "earliest"
    commit_interval: Seconds = 1.0
    session_timeout: Annotated[Seconds, Field(ge=6, le=1800)] = 45.0

    security_protocol: Annotated[
        Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"], Upper
    ] = "PLAINTEXT"
    sasl_mechanism: Annotated[
        Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] | None, Upper
    ] = None
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    sasl_password_file: Path | None = None
    sasl_oauthbearer_token_endpoint_url: BaseUrl | None = None
    sasl_oauthbearer_client_id: str | None = None
    sasl_oauthbearer_client_secret: SecretStr | None = None
    sasl_oauthbearer_client_secret_file: Path | None = None
    sasl_oauthbearer_scope: str | None = None
    ssl_cafile: ReadableFile | None = None
    ssl_certfile: ReadableFile | None = None
    ssl_keyfile: ReadableFile | None = None
    ssl_key_password: SecretStr | None = None
    ssl_key_password_file: Path | None = None


class FoundrySettings(Section):
    model_config = SettingsConfigDict(env_prefix="FOUNDRY_")
    name = "foundry"
    required = ("hostname", "ontology", "client_id", "client_secret")
    secret_keys = ("client_secret",)

    hostname: BaseUrl = ""
    """With its scheme, without a closing slash."""
    ontology: ApiName = ""
    client_id: str = ""
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    client_auth: Annotated[Literal["post", "basic"], Lower] = "post"
    scopes: Scopes = ("api:ontologies-read", "api:ontologies-write")
    max_in_flight: int = Field(default=64, ge=1, le=800)
    batch_size: int = Field(default=20, ge=1, le=20)
    request_timeout: Seconds = 15.0
    settle_time: Seconds = 30.0
    ca_file: ReadableFile | None = None
    proxy: ProxyUrl | None = None


class DispatchSettings(Section):
    model_config = SettingsConfigDict(env_prefix="CONSUMER_DISPATCH_")
    name = "dispatch"

    max_records: int = Field(default=10_000, ge=1)
    max_bytes: ByteSize = Field(default=ByteSize(64 * MIB), ge=1)
    max_span: int = Field(default=12_000, ge=1, le=12_000)


class RetrySettings(Section):
    model_config = SettingsConfigDict(env_prefix="CONSUMER_RETRY_")
    name = "retry"

    initial: Seconds = 0.2
    maximum: Seconds = 30.0
    attempts: int = Field(default=5, ge=1, le=1000)


class DeadLetterSettings(Section):
    model_config = SettingsConfigDict(env_prefix="CONSUMER_DEAD_LETTERS_")
    name = "dead_letters"

    topic: LetterTopic = "{topic}.dlq"
    budget_ratio: float = Field(default=0.05, ge=0, le=1, allow_inf_nan=False)
    budget_burst: int = Field(default=100, ge=1)


class StopSettings(Section):
    model_config = SettingsConfigDict(env_prefix="CONSUMER_STOP_")
    name = "stop"

    grace: Seconds = 25.0


class AdminSettings(Section):
    model_config = SettingsConfigDict(env_prefix="CONSUMER_ADMIN_")
    name = "admin"
    secret_keys = ("token",)

    host: HostName = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65_535)
    token: SecretStr | None = None
    token_file: Path | None = None
    allowed_hosts: HostNames = ()
    """Names, besides addresses and `host`, under which it may be addressed."""


class LogSettings(Section):
    model_config = SettingsConfigDict(env_prefix="CONSUMER_LOG_")
    name = "log"

    level: Annotated[Literal["debug", "info", "warning", "error"], Lower] = "info"
    format: Annotated[Literal["json", "console"] | None, Lower] = None
    """None: console on a terminal, else JSON."""


SECTIONS: tuple[type[Section], ...] = (
    ConsumerSettings,
    KafkaSettings,
    FoundrySettings,
    DispatchSettings,
    RetrySettings,
    DeadLetterSettings,
    StopSettings,
    AdminSettings,
    LogSettings,
)
"""Each is the field of `Settings` that has its name."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings, checked; each part of the service is given its own section."""

    consumer: ConsumerSettings
    kafka: KafkaSettings
    topics: Mapping[str, str]
    """The contract's topic -> its name here; a topic that is not named keeps its own."""
    foundry: FoundrySettings
    dispatch: DispatchSettings
    retry: RetrySettings
    dead_letters: DeadLetterSettings
    stop: StopSettings
    admin: AdminSettings
    log: LogSettings
    file: Path | None = None
    """The file that was read."""
    warnings: tuple[str, ...] = ()

    @property
    def sections(self) -> tuple[Section, ...]:
        return tuple(getattr(self, section.name) for section in SECTIONS)

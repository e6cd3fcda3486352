"""The kinds of values in settings. Each checks one thing, and says what it wants."""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import NoDecode

LONGEST = 86_400
HIGHEST_PORT = 65_535
_TOPIC = re.compile(r"[A-Za-z0-9._-]{1,249}")
# Other labels cannot even be looked up: the interpreter raises before it would resolve them.
_HOST = r"(?:[A-Za-z0-9_-]{1,63}\.)*[A-Za-z0-9_-]{1,63}\.?"
_SERVER = re.compile(rf"(?:{_HOST}|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d{{1,5}}))?")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_MODULE = re.compile(r"[^\W\d]\w*(?:\.[^\W\d]\w*)*")
_PREFIX = re.compile(r"(?:/[A-Za-z0-9._~-]+)*")


def is_topic(name: str) -> bool:
    """True for a name that Kafka accepts for a topic."""
    return _TOPIC.fullmatch(name) is not None and name not in {".", ".."}


def is_loopback(host: str) -> bool:
    """True if the host is this machine, by its name or address alone: nothing is resolved."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def host_of(server: str) -> str:
    """The host of `host:port`, `[address]:port` or `host`."""
    return urlsplit(f"//{server}").hostname or ""


def base_url(text: str) -> str:
    """`https://host[:port][/prefix]`, without a slash at the end, from a host name or a URL.

    Raises:
        ValueError: it is neither, not https (http is for loopback only), or has other parts, too; the message does
            not show it.
    """
    text = text.strip()
    try:
        url = urlsplit(text if "://" in text else f"https://{text}")
        host, _port = url.hostname, url.port
    except ValueError:
        raise ValueError("must be a host name or an https URL") from None
    if not host or url.scheme not in {"https", "http"} or not _SERVER.fullmatch(url.netloc):
        raise ValueError("must be a host name or an https URL, without user and password")
    if url.query or url.fragment or not _PREFIX.fullmatch(url.path.rstrip("/")):
        raise ValueError("must have no query, no fragment, and a plain path")
    if {".", ".."} & set(url.path.split("/")):
        raise ValueError("must have no '.' or '..' in its path")
    if url.scheme == "http" and not is_loopback(host):
        raise ValueError("must be https: http is only for loopback")
    return f"{url.scheme}://{url.netloc.lower()}{url.path.rstrip('/')}"


def _template(name: str) -> str:
    if not is_topic(name.replace("{topic}", "t")):
        raise ValueError('must be a topic name, in which "{topic}" stands for the source topic')
    return name


def _split(value: object) -> object:
    """A list given as one text, as in environment variables: separated by commas or blanks."""
    return tuple(value.replace(",", " ").split()) if isinstance(value, str) else value


def _server(text: str) -> str:
    match = _SERVER.fullmatch(text)
    if match is None or not 0 < int(match["port"] or HIGHEST_PORT) <= HIGHEST_PORT:
        raise ValueError("must be host:port, without a scheme")
    return text


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError("must be an API name or a RID: letters, digits, '.', '_', '-'")
    return text


def _is_host(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return re.fullmatch(_HOST, text) is not None
    return True


def _host_name(text: str) -> str:
    if not _is_host(text):
        raise ValueError("must be a host name or an address, without scheme and port")
    return text


def _module(text: str) -> str:
    if not _MODULE.fullmatch(text):
        raise ValueError('must be an import path such as "schemas", not a file name')
    return text


def proxy_url(text: str) -> str:
    """The same text, if it is the URL of a proxy.

    Raises:
        ValueError: it is not; the message does not show it, as it may contain a password.
    """
    try:
        url = urlsplit(text)
        fit = url.scheme in {"http", "https"} and url.port != 0 and _is_host(url.hostname or "")
    except ValueError:
        fit = False
    if not fit:
        raise ValueError("must be a URL such as http://proxy.example:3128")
    return text


def unreadable(path: Path, error: OSError) -> str:
    """That a file cannot be read. A relative path is shown in full, as it counts from the working directory."""
    where = "" if path.is_absolute() else f" at {str(path.absolute())!a}"
    return f"cannot be read{where}: {error.strerror}"


def _readable(path: Path) -> Path:
    try:
        with path.open("rb"):
            return path
    except OSError as error:
        raise ValueError(unreadable(path, error)) from None


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _upper(value: object) -> object:
    return value.upper() if isinstance(value, str) else value


Seconds = Annotated[float, Field(gt=0, le=LONGEST, allow_inf_nan=False)]
LetterTopic = Annotated[str, AfterValidator(_template)]
Servers = Annotated[
    tuple[Annotated[str, AfterValidator(_server)], ...], NoDecode, BeforeValidator(_split)
]
Scopes = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]
HostName = Annotated[str, AfterValidator(_host_name)]
HostNames = Annotated[tuple[HostName, ...], NoDecode, BeforeValidator(_split)]
ApiName = Annotated[str, AfterValidator(_name)]
ModulePath = Annotated[str, AfterValidator(_module)]
BaseUrl = Annotated[str, AfterValidator(base_url)]
ProxyUrl = Annotated[str, AfterValidator(proxy_url)]
ReadableFile = Annotated[Path, AfterValidator(_readable)]
Lower = BeforeValidator(_lower)
Upper = BeforeValidator(_upper)

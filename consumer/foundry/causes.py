"""Why a host could not be reached: each network failure with a cause, a detail and a remedy.

aiohttp's own texts are never passed on: the `repr` of some errors contains request headers, and so the token.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from dataclasses import dataclass

import aiohttp

from consumer.errors import GateReason
from consumer.outcomes import Answer, Outage


@dataclass(frozen=True, slots=True)
class Cause:
    """One way in which the network can fail."""

    name: str
    """A short constant for metrics and logs."""
    detail: str
    remedy: str | None = None

    def outage(self, gate: GateReason = "unreachable") -> Outage:
        """Nothing was executed, and for now nothing will get through, whatever the action."""
        return Outage(Answer(self.name, self.detail), gate, everywhere=True, remedy=self.remedy)

    def unread(self) -> Outage:
        """A read got no answer. That may be the reading service's trouble alone: actions may well be answered."""
        return Outage(Answer(self.name, self.detail), "timeouts", remedy=self.remedy)


DNS = Cause("dns", "the host name cannot be resolved", "check foundry.hostname and the DNS")
REFUSED = Cause(
    "refused",
    "the connection is refused",
    "check foundry.hostname, its port, and the egress policy",
)
CONNECT_TIMEOUT = Cause(
    "connect_timeout",
    "the connection attempt timed out",
    "check the firewall, the egress policy, Foundry's IP allow-list, and whether a proxy is needed",
)
UNTRUSTED = Cause(
    "tls_untrusted",
    "the server's certificate is not trusted",
    "set foundry.ca_file to the authority that signed it (a private one, or one of TLS inspection)",
)
WRONG_NAME = Cause(
    "tls_name", "the server's certificate is for another host", "check foundry.hostname"
)
EXPIRED = Cause(
    "tls_expired",
    "the server's certificate is not valid at this time",
    "renew the certificate, or correct this machine's clock",
)
TLS = Cause(
    "tls",
    "the TLS handshake failed",
    "check that foundry.hostname speaks TLS on this port, and what is in front of it",
)
PROXY = Cause("proxy", "the proxy cannot be used", "check foundry.proxy and its credentials")
CUT = Cause("reset", "the connection was cut")
TIMEOUT = Cause("timeout", "no answer in time")

# OpenSSL's verify codes (X509_V_ERR_...): host name mismatch; not yet valid, expired.
_CERTIFICATE_NAME = 62
_CERTIFICATE_TIMES = (9, 10)


def cause_of(failure: BaseException) -> Cause:
    """The cause of an error that the network raised (one of `transport.NETWORK_ERRORS`)."""
    for table, cause in _BY_TYPE:
        if isinstance(failure, table):
            return _certificate(failure) if cause is UNTRUSTED else cause
    return CUT


def _certificate(failure: BaseException) -> Cause:
    found: BaseException | None = getattr(failure, "certificate_error", failure)
    code = getattr(found, "verify_code", None)
    if code == _CERTIFICATE_NAME:
        return WRONG_NAME
    return EXPIRED if code in _CERTIFICATE_TIMES else UNTRUSTED


# The order matters: most of these are subclasses of OSError, some of TimeoutError.
_BY_TYPE: tuple[tuple[type[BaseException] | tuple[type[BaseException], ...], Cause], ...] = (
    ((aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError), UNTRUSTED),
    ((aiohttp.ClientConnectorSSLError, ssl.SSLError), TLS),
    ((aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError), PROXY),
    ((aiohttp.ClientConnectorDNSError, socket.gaierror), DNS),
    ((aiohttp.ConnectionTimeoutError,), CONNECT_TIMEOUT),
    ((aiohttp.ClientConnectorError, ConnectionRefusedError), REFUSED),
    ((asyncio.TimeoutError,), TIMEOUT),
)

"""What the verification of callers' identities (RFC 8224) says, asks for, and is configured with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CallerIdentity:
    """What STIR (RFC 8224) says about a caller's number: evidence, never proof of who he is."""

    result: str  # "passed", "failed", "missing"
    attestation: str = ""  # "A", "B", "C" of a passed SHAKEN PASSporT (RFC 8588)
    code: int = 0  # SIP status that names the failure
    detail: str = ""
    origid: str = ""
    diverted_from: tuple[str, ...] = ()  # numbers that were called before ours (RFC 8946)

    @property
    def word(self) -> str:
        """ "verified", "failed" or "missing"."""
        return "verified" if self.result == "passed" else self.result

    @property
    def summary(self) -> str:
        """For people and the record: "verified A", "failed 438", "missing"."""
        if self.result == "passed":
            return f"verified {self.attestation}".strip()
        return f"failed {self.code}" if self.result == "failed" else self.result


@dataclass(frozen=True, slots=True)
class FetchCertificate:
    """Get the certificate that signed a caller's identity; the answer is `CertificateFetched`."""

    url: str


@dataclass(frozen=True, slots=True)
class CertificateFetched:
    """`pem` None: it could not be had. `keep_seconds`: how long the server lets us keep it, when it says so."""

    url: str
    pem: bytes | None
    problem: str = ""
    keep_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StirPolicy:
    """What a trunk's callers need. Each is "accept", "tell" (the answers name the fault in Reason) or "refuse"."""

    missing: str = "accept"
    failed: str = "tell"
    anonymous: str = "accept"


@dataclass(frozen=True, slots=True)
class StirSettings:
    """Verification of callers' identities (RFC 8224)."""

    anchors: bytes = b""  # trust anchors, PEM
    hosts: tuple[str, ...] = ()  # certificates are fetched from here alone: host, or host:port
    country_code: str = ""  # of numbers without one
    wait_seconds: float = 1.0  # a call waits no longer for a certificate
    fresh_seconds: float = 60.0  # iat and Date may be off by this
    keep_seconds: float = 86400.0  # a certificate is fetched anew after this
    allow_http: bool = False

"""Identity headers and the PASSporTs inside them: grammar alone, nothing is believed yet (RFC 8224 4, RFC 8225).

    Identity: <header>.<claims>.<signature>;info=<https://certs.example/x.pem>;alg=ES256;ppt="shaken"

The compact form leaves out header and claims (`..signature`): both are then built from the call itself.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from softswitch.sip.errors import SipError
from softswitch.sip.headers import parameter, split_list

MOST_IDENTITIES = 8
_MOST_TOKEN = 6000
_TOKEN = re.compile(r"([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]{86})")
_INFO = re.compile(r"<([^<>\s]{1,1024})>")
_SEPARATORS = str.maketrans("", "", " -.()/")


class BadIdentity(Exception):
    """`status` is that of RFC 8224 6.2.2; `detail` is for the log."""

    def __init__(self, status: int, detail: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Identity:
    """One Identity header value, split."""

    header: str  # base64url; empty in the compact form
    claims: str
    signature: bytes
    info: str
    ppt: str  # "shaken", "div"; empty: a plain PASSporT


@dataclass(frozen=True, slots=True)
class Passport:
    """The claims of one PASSporT. `signed` are the bytes under the signature."""

    ppt: str
    origin: str  # telephone number, digits only
    destinations: tuple[str, ...]
    issued_at: float
    attest: str = ""
    origid: str = ""
    diverted_from: str = ""  # of a div PASSporT
    signed: bytes = b""


def identities(value: str) -> list[str]:
    """The values of all Identity headers."""
    try:
        return split_list(value)
    except SipError:
        raise BadIdentity(436, "malformed list of identities") from None


def parse_identity(text: str) -> Identity:
    """RFC 8224 4.1: signed-identity-digest SEMI ident-info *( SEMI ident-info-params )."""
    token, semicolon, rest = text.strip().partition(";")
    parts = _TOKEN.fullmatch(token.strip().strip('"')) if len(token) <= _MOST_TOKEN else None
    if parts is None:
        raise BadIdentity(438, "malformed PASSporT")
    first, _, more = rest.partition(";")
    name, equals, value = first.partition("=")
    found = _INFO.fullmatch(value.strip()) if equals and name.strip().lower() == "info" else None
    if found is None:  # in whatever order
        found = re.search(r"(?:^|;)\s*info\s*=\s*<([^<>\s]{1,1024})>", rest, re.IGNORECASE)
        more = rest
    if not semicolon or found is None:
        raise BadIdentity(436, "an identity without info")
    parameters = ";" + more.replace(found[0], "") if more is rest else ";" + more
    algorithm = parameter(parameters, "alg")
    # RFC 8224 4.1: "alg" is optional; ES256 is the default.
    if algorithm is not None and algorithm != "ES256":
        raise BadIdentity(438, "unknown algorithm")
    return Identity(parts[1], parts[2], _decoded(parts[3]), found[1], (parameter(parameters, "ppt") or "").lower())


def _decoded(text: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise BadIdentity(438, "malformed base64") from None


def _encoded(document: dict[str, Any]) -> str:
    """RFC 8225 9: no white space, keys in lexicographic order."""
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


def _document(text: str) -> dict[str, Any]:
    try:
        found = json.loads(_decoded(text), object_pairs_hook=_no_doubles)
    except (ValueError, RecursionError):
        raise BadIdentity(438, "malformed JSON in a PASSporT") from None
    if not isinstance(found, dict):
        raise BadIdentity(438, "a PASSporT that is no object")
    return found


def _no_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key twice")
    return found


def read_passport(identity: Identity, caller: str, called: str, date: str | None) -> Passport:
    """The claims, still to be verified. `caller`, `called` and `date` are of the request, for the compact form."""
    if bool(identity.header) != bool(identity.claims):
        raise BadIdentity(438, "half a PASSporT")
    if not identity.header:
        return _compact(identity, caller, called, date)
    header, claims = _document(identity.header), _document(identity.claims)
    # RFC 8225 4.1 and 4.2: typ is "passport"; alg is ES256 for all that we know.
    if header.get("typ") != "passport" or header.get("alg") != "ES256":
        raise BadIdentity(438, "not a PASSporT with ES256")
    # RFC 7515 4.1.11: "If any of the listed extension Header Parameters are not understood and supported by the
    # recipient, then the JWS is invalid"; we know none.
    if "crit" in header:
        raise BadIdentity(438, "a critical extension of the PASSporT")
    # RFC 8224 4.1: info and ppt repeat what is signed in x5u and ppt.
    if header.get("x5u") != identity.info:
        raise BadIdentity(436, "info is not x5u")
    if str(header.get("ppt", "")).lower() != identity.ppt:
        raise BadIdentity(438, "ppt of the header and of the PASSporT differ")
    issued_at = claims.get("iat")
    # Neither NaN nor infinite, nor too large for a float: JSON knows all three.
    if isinstance(issued_at, bool) or not isinstance(issued_at, int | float) or not 0 <= issued_at < 2**53:
        raise BadIdentity(438, "no iat")
    attest, diverted = claims.get("attest", ""), ""
    if identity.ppt == "shaken" and attest not in ("A", "B", "C"):
        raise BadIdentity(438, "no attestation")
    if identity.ppt == "div":
        diverted = _numbers(claims.get("div"), "div")[0]
    return Passport(
        ppt=identity.ppt,
        origin=_numbers(claims.get("orig"), "orig")[0],
        destinations=_numbers(claims.get("dest"), "dest"),
        issued_at=float(issued_at),
        attest=attest if identity.ppt == "shaken" else "",
        origid=str(claims.get("origid", ""))[:64],
        diverted_from=diverted,
        signed=f"{identity.header}.{identity.claims}".encode(),
    )


def _numbers(claim: Any, name: str) -> tuple[str, ...]:
    """RFC 8225 5.2.1: {"tn": "..."} or {"tn": ["...", ...]}. Identities that are no numbers are not for us."""
    found = claim.get("tn") if isinstance(claim, dict) else None
    texts = [found] if isinstance(found, str) else found
    if not isinstance(texts, list) or not 0 < len(texts) <= 32:
        raise BadIdentity(438, f"no telephone number in {name}")
    numbers = tuple(plain_tn(text) if isinstance(text, str) else "" for text in texts)
    if not all(numbers):
        raise BadIdentity(438, f"no telephone number in {name}")
    return numbers


def _compact(identity: Identity, caller: str, called: str, date: str | None) -> Passport:
    """RFC 8224 4: "the header and payload [...] are reconstructed from the SIP request"; iat is Date. The extensions
    carry claims that stand nowhere in the request, so only a plain PASSporT can be compact."""
    issued_at = date_of(date)
    if identity.ppt or issued_at is None or not caller or not called:
        raise BadIdentity(438, "a compact PASSporT that cannot be rebuilt")
    header = {"alg": "ES256", "typ": "passport", "x5u": identity.info}
    claims = {"dest": {"tn": [called]}, "iat": int(issued_at), "orig": {"tn": caller}}
    signed = f"{_encoded(header)}.{_encoded(claims)}".encode()
    return Passport("", caller, (called,), issued_at, signed=signed)


def date_of(text: str | None) -> float | None:
    """A Date header as seconds since 1970; None when there is none or it is no date."""
    if not text or len(text) > 64:
        return None
    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


# ------------------------------------------------------------------ numbers


def plain_tn(text: str) -> str:
    """RFC 8224 8.3: without a leading + and without separators; "" when it is no number."""
    digits = text.translate(_SEPARATORS).removeprefix("+")
    return digits if 0 < len(digits) <= 15 and digits.isascii() and digits.isdecimal() else ""


def canonical(text: str, country_code: str) -> str:
    """RFC 8224 8.3: the number with its country code, digits only. A national number gets ours; one that already
    begins with it and is long enough keeps it. "" when it is no number."""
    text = text.translate(_SEPARATORS)
    abroad = "011" if country_code == "1" else "00"
    if text.startswith("+"):
        return plain_tn(text)
    if text.startswith(abroad):
        return plain_tn(text[len(abroad) :])
    digits = plain_tn(text)
    if not digits or not country_code:
        return digits
    if digits.startswith(country_code) and len(digits) >= len(country_code) + 7:
        return digits
    return plain_tn(country_code + digits.removeprefix("0" if country_code != "39" else ""))

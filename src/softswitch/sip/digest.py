"""Digest authentication, the verifying side (RFC 3261 section 22, RFC 2617, RFC 7616, RFC 8760).

    nonce = time "." random "." HMAC(secret, time "." random "." boot "." source address)

Nothing is remembered before a client has proven its password; after that only (nonce, highest nc). A nonce that is
too old or forgotten gets `stale=true` when the password was right, so phones simply try again. One that this start
never gave to this address gets `stale=true` whatever the password is: that tells nothing, and an address is not blamed,
which may be forged; nobody gets an office banned without hearing its nonces. An unknown user costs exactly what a wrong
password costs: one check against a dummy HA1.
"""

from __future__ import annotations

import hmac
import re
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, auto
from hashlib import md5, sha256

from softswitch.sip.context import Context
from softswitch.sip.errors import SipError
from softswitch.sip.headers import unquote_string
from softswitch.sip.message import Request
from softswitch.sip.messages import AccountSettings
from softswitch.sip.uri import parse_uri

NONCE_SECONDS = 300.0
MAX_NONCES = 50_000
_MAX_CREDENTIALS = 4
_PARAMETER = re.compile(r"\s*+([A-Za-z0-9_-]++)\s*+=\s*+(\"(?:[^\"\\]++|\\.)*+\"|[^\s\",]++)\s*+(?:,|\Z)", re.DOTALL)
_NC = re.compile(r"[0-9a-fA-F]{8}")
_DUMMY = ("0" * 32, "0" * 64)


class Verdict(Enum):
    ABSENT = auto()  # no credentials for our realm: challenge
    WRONG = auto()  # unknown user or wrong password
    STALE = auto()  # right password, nonce no longer good
    REPLAYED = auto()  # right password, nonce and nc seen before
    GOOD = auto()


@dataclass(frozen=True, slots=True)
class Checked:
    verdict: Verdict
    account: AccountSettings | None = None
    username: str = ""


def parse_credentials(value: str) -> dict[str, str] | None:
    """The parameters of `Digest ...`, None for another scheme; SipError 400 when malformed."""
    scheme, _, rest = value.partition(" ")
    if scheme.lower() != "digest":
        return None
    parameters: dict[str, str] = {}
    position = 0
    rest = rest.strip()
    while position < len(rest):
        match = _PARAMETER.match(rest, position)
        if match is None:
            raise SipError(400, "malformed credentials")
        name, text = match[1].lower(), match[2]
        if name in parameters:
            raise SipError(400, "credentials repeat a parameter")
        parameters[name] = unquote_string(text) if text.startswith('"') else text
        position = match.end()
    return parameters


def digest_response(algorithm: str, ha1: str, method: str, credentials: Mapping[str, str]) -> str:
    """RFC 7616 3.4.1: the response for these credentials; without qop as RFC 2069."""
    hashed = md5 if algorithm == "md5" else sha256
    a2 = f"{method}:{credentials['uri']}".encode("utf-8", "surrogateescape")
    ha2 = hashed(a2).hexdigest()
    if "qop" in credentials:
        middle = f"{credentials['nc']}:{credentials['cnonce']}:{credentials['qop']}"
        text = f"{ha1}:{credentials['nonce']}:{middle}:{ha2}"
    else:
        text = f"{ha1}:{credentials['nonce']}:{ha2}"
    return hashed(text.encode("utf-8", "surrogateescape")).hexdigest()


class Nonces:
    """Issues nonces and remembers which (nonce, nc) were used."""

    __slots__ = ("_boot", "_context", "_floor", "_key", "_seen")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._boot = context.token()
        secret = context.settings.nonce_secret or context.random_bits(256).to_bytes(32, "big")
        self._key = secret
        # nonce -> (highest nc, bits of the 32 below it); in the order of first use
        self._seen: OrderedDict[str, tuple[int, int]] = OrderedDict()
        self._floor = -1.0  # nonces issued up to here were forgotten

    def __len__(self) -> int:
        return len(self._seen)

    def issue(self, source: str) -> str:
        body = f"{int(self._context.now * 1000):x}.{self._context.token()}"
        return f"{body}.{self._signature(body, source)}"

    def _signature(self, body: str, source: str) -> str:
        text = f"{body}.{self._boot}.{source}".encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, text, "sha256")[:12].hex()

    def given_to(self, nonce: str, source: str) -> bool:
        """Ours, of this start, issued to this address."""
        body, _, signature = nonce.rpartition(".")
        return hmac.compare_digest(signature.encode("utf-8", "surrogateescape"), self._signature(body, source).encode())

    def young(self, nonce: str) -> bool:
        """One of ours that is neither too old nor forgotten."""
        issued = self._issued(nonce)
        if self._context.now - issued > NONCE_SECONDS:
            return False
        return nonce in self._seen or issued > self._floor

    @staticmethod
    def _issued(nonce: str) -> float:
        return int(nonce.partition(".")[0], 16) / 1000

    def use(self, nonce: str, count: int) -> bool:
        """RFC 7616 3.4: a server checks nc to refuse replays. False when (nonce, nc) was used before; counts may
        arrive out of order within 32."""
        entry = self._seen.get(nonce)
        if entry is None:
            self._seen[nonce] = (count, 0)
            self._forget()
            return True
        highest, below = entry
        if count > highest:
            shift = count - highest
            below = ((below << shift) | (1 << (shift - 1))) & 0xFFFFFFFF if shift <= 32 else 0
            self._seen[nonce] = (count, below)
            return True
        distance = highest - count
        if distance == 0 or distance > 32 or below >> (distance - 1) & 1:
            return False
        self._seen[nonce] = (highest, below | 1 << (distance - 1))
        return True

    def _forget(self) -> None:
        now = self._context.now
        while self._seen:
            oldest = next(iter(self._seen))
            issued = self._issued(oldest)
            if now - issued <= NONCE_SECONDS and len(self._seen) <= MAX_NONCES:
                return
            del self._seen[oldest]
            self._floor = max(self._floor, issued)


class Digest:
    """Challenges, and checks credentials against the accounts."""

    __slots__ = ("_accounts", "_context", "_realm", "nonces")

    def __init__(self, context: Context) -> None:
        self._context = context
        self._realm = context.settings.realm
        self._accounts = {account.username: account for account in context.settings.accounts}
        self.nonces = Nonces(context)

    def challenge(self, source: str, stale: bool) -> str:
        """RFC 8760 2.4: one WWW-Authenticate per algorithm, the strongest first. Both carry the same nonce."""
        common = f'realm="{self._realm}", nonce="{self.nonces.issue(source)}", qop="auth"'
        if stale:
            common += ", stale=true"
        algorithms = ("SHA-256", "MD5")
        return "".join(f"WWW-Authenticate: Digest {common}, algorithm={name}\r\n" for name in algorithms)

    def check(self, request: Request) -> Checked:
        """The credentials of a request. SipError 400 when they are malformed."""
        values = request.headers.get("authorization")
        if values is None:
            return Checked(Verdict.ABSENT)
        for value in values.split("\n")[:_MAX_CREDENTIALS]:
            credentials = parse_credentials(value)
            if credentials is not None and credentials.get("realm") == self._realm:
                return self._check(request, credentials)
        return Checked(Verdict.ABSENT)

    def _check(self, request: Request, credentials: dict[str, str]) -> Checked:
        for name in ("username", "nonce", "uri", "response"):
            if name not in credentials:
                raise SipError(400, f"credentials without {name}")
        algorithm = credentials.get("algorithm", "MD5").lower()
        if algorithm not in ("md5", "sha-256"):
            return Checked(Verdict.ABSENT)
        count = 1
        if "qop" in credentials:
            if credentials["qop"] != "auth" or "cnonce" not in credentials:
                raise SipError(400, "credentials with an unknown qop")
            if _NC.fullmatch(credentials.get("nc", "")) is None:
                raise SipError(400, "credentials with a malformed nc")
            count = int(credentials["nc"], 16)
        username = credentials["username"]
        account = self._accounts.get(username)
        ha1 = self._ha1(account, algorithm)
        expected = digest_response(algorithm, ha1, request.method, credentials)
        given = credentials["response"].lower().encode("utf-8", "surrogateescape")
        # The nonce is judged in every case, so that every refusal costs the same.
        nonce, source = credentials["nonce"], request.flow.remote[0]
        ours = self.nonces.given_to(nonce, source)
        matches = hmac.compare_digest(given, expected.encode())
        if not ours:
            return Checked(Verdict.STALE, None, username)
        if not matches or account is None or not self._same_uri(credentials["uri"], request.uri):
            return Checked(Verdict.WRONG, None, username)
        if not self.nonces.young(nonce):
            return Checked(Verdict.STALE, account, username)
        if not self.nonces.use(nonce, count):
            return Checked(Verdict.REPLAYED, account, username)
        return Checked(Verdict.GOOD, account, username)

    @staticmethod
    def _ha1(account: AccountSettings | None, algorithm: str) -> str:
        if account is None:
            return _DUMMY[0] if algorithm == "md5" else _DUMMY[1]
        return account.ha1_md5 if algorithm == "md5" else account.ha1_sha256

    @staticmethod
    def _same_uri(claimed: str, actual: str) -> bool:
        """RFC 7616 3.4.6: the digest uri must name the resource that was asked for."""
        if claimed == actual:
            return True
        try:
            one, two = parse_uri(claimed), parse_uri(actual)
        except SipError:
            return False
        return (one.scheme, one.user, one.host, one.port) == (two.scheme, two.user, two.host, two.port)

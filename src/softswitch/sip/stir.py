"""Is this caller who his number says? The judgement on one INVITE, once the certificates are there (RFC 8224 6.2).

    no Identity ─► missing (428)          each Identity ─► info, time, numbers, chain, signature
    shaken, all right ─► passed with A, B or C          div ─► links another destination to ours (RFC 8946)
    anything wrong ─► failed with 436, 437, 438 or 403

Pure. "A" says that the carrier knows its customer and his right to the number. It never replaces asking him who he is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

from softswitch.sip.stir_certificate import Signer
from softswitch.sip.stir_messages import CallerIdentity, StirSettings
from softswitch.sip.stir_passport import (
    MOST_IDENTITIES,
    BadIdentity,
    Identity,
    Passport,
    canonical,
    date_of,
    identities,
    parse_identity,
    read_passport,
)

KNOWN = ("", "shaken", "div")
_SHORTEST = 7  # a number with fewer digits is a short one of ours


@dataclass(frozen=True, slots=True)
class Claim:
    """What of the request is compared. Numbers as they came; `to` is the number of the To header."""

    identity: str | None  # all Identity headers, joined by line feeds
    date: str | None
    caller: str
    called: str
    to: str


@dataclass(frozen=True, slots=True)
class Examined:
    """A claim whose form and time are right: these certificates are needed to believe it."""

    pairs: tuple[tuple[Identity, Passport], ...]
    caller: str
    called: tuple[str, ...]
    ignored: int  # PASSporTs of kinds that we do not know

    @property
    def urls(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(identity.info for identity, _ in self.pairs))


def examine(claim: Claim, settings: StirSettings, wall: float) -> Examined | None:
    """Everything that needs no certificate. None: there is no PASSporT of a kind we know. Raises BadIdentity."""
    if claim.identity is None:
        return None
    code = settings.country_code
    caller, called = canonical(claim.caller, code), canonical(claim.called, code)
    to = canonical(claim.to, code)
    texts = identities(claim.identity)
    if len(texts) > MOST_IDENTITIES:
        raise BadIdentity(438, "too many identities")
    parsed = [parse_identity(text) for text in dict.fromkeys(texts)]  # the same one twice is one
    # RFC 8224 6.2 step 1: Identity headers with a "ppt" that the verifier does not support are ignored.
    known = [identity for identity in parsed if identity.ppt in KNOWN]
    if not known:
        return None
    for identity in known:
        _check_url(identity.info, settings)
    _check_date(claim.date, settings, wall)
    pairs = tuple((identity, read_passport(identity, caller, to or called, claim.date)) for identity in known)
    for _, passport in pairs:
        # RFC 8224 6.2 step 4 and RFC 8225 5.1.1: iat is bounded by itself, Date or not.
        if abs(wall - passport.issued_at) > settings.fresh_seconds:
            raise BadIdentity(403, "iat is too far from now")
    return Examined(pairs, caller, _called(claim.called, called, to), len(parsed) - len(known))


def _called(dialled: str, called: str, to: str) -> tuple[str, ...]:
    """What the PASSporT has to name: the number of the request URI. A gateway may dial us by a short number; only
    then the To header says what was called."""
    return (called,) if len(dialled) >= _SHORTEST else tuple(filter(None, (to, called)))


def _check_url(url: str, settings: StirSettings) -> None:
    """Certificates are fetched from the listed hosts alone, whatever a caller writes."""
    if not url_allowed(url, settings):
        raise BadIdentity(436, "info is not of a listed host")


def url_allowed(url: str, settings: StirSettings) -> bool:
    if not url.isascii() or not url.isprintable() or any(mark in url for mark in "\\ <>\"'"):
        return False
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    if parts.scheme != "https" and not (parts.scheme == "http" and settings.allow_http):
        return False
    if parts.username is not None or parts.password is not None or parts.fragment or "@" in parts.netloc:
        return False
    host = parts.hostname or ""
    with_port = f"{host}:{port}" if port is not None else host
    return with_port in settings.hosts or (port == 443 and host in settings.hosts)


def _check_date(date: str | None, settings: StirSettings, wall: float) -> None:
    if date is None:
        return
    at = date_of(date)
    # RFC 8224 6.2 step 4: a Date that is too old or too new is answered with 403 (Stale Date).
    if at is None or abs(wall - at) > settings.fresh_seconds:
        raise BadIdentity(403, "Date is too far from now")


def judge(examined: Examined, signer: Callable[[str], Signer], wall: float) -> CallerIdentity:
    """`signer` gives the verified key of a URL or raises BadIdentity. Raises BadIdentity for what does not hold."""
    for identity, passport in examined.pairs:
        key = signer(identity.info)
        if not key.since <= wall <= key.until:
            raise BadIdentity(437, "a certificate is expired or not yet valid")
        # RFC 8226 9, RFC 8946 5: a signer speaks for its own numbers, of a diversion for the number that was called.
        about = passport.diverted_from or passport.origin
        if not key.authority.covers(about):
            raise BadIdentity(437, "the certificate is for other numbers")
        key.check(passport.signed, identity.signature)
        if passport.origin != examined.caller:
            raise BadIdentity(438, "orig is not the caller")
    originals = [passport for _, passport in examined.pairs if passport.ppt != "div"]
    if not originals:
        raise BadIdentity(438, "a diversion of nothing")
    diverted = [passport for _, passport in examined.pairs if passport.ppt == "div"]
    # Each by itself: an attestation of a call to somebody else says nothing of this one, whatever stands beside it.
    for best in sorted(originals, key=lambda passport: passport.attest or "Z"):
        passed_by = _diversions(best, diverted, examined)
        if passed_by is not None:
            return CallerIdentity("passed", best.attest, origid=best.origid, diverted_from=passed_by)
    raise BadIdentity(438, "dest is not who was called")


def _diversions(original: Passport, diverted: list[Passport], examined: Examined) -> tuple[str, ...] | None:
    """RFC 8946 4: each diversion's `div` is a destination of the one before it; the last destination is ours. None:
    it leads elsewhere."""
    reached = original.destinations
    passed_by: list[str] = []
    for _ in range(len(diverted) + 1):
        if any(number in reached for number in examined.called):
            return tuple(passed_by)
        step = next((one for one in diverted if one.diverted_from in reached), None)
        if step is None:
            break
        diverted = [one for one in diverted if one is not step]
        passed_by.append(step.diverted_from)
        reached = step.destinations
    return None

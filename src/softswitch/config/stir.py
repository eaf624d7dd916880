"""Verification of callers' identities: how it is written, and `sip.stir_messages` from it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import phonenumbers

from softswitch.config.kinds import Flag, Keys, ListOf, OneOf, Section, Text, Word, key, section
from softswitch.config.problems import Placed, Report
from softswitch.config.values import NOTHING, duration
from softswitch.sip.stir_messages import StirPolicy, StirSettings

_MOST_BYTES = 4 << 20
CERTIFICATE_HOST = Word(
    "a host, with its port when that is not 443, like certs.example.com",
    r"[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?(?::[1-9][0-9]{0,4})?",
    lambda text, _: text,
    NOTHING,
)
_WAYS = OneOf("accept", "tell", "refuse")


@section
class StirPolicyDoc(Section):
    """What this trunk's callers need. accept: the call goes on; tell: it goes on and the answers name the fault in a
    Reason header; refuse: it ends with the code of the fault."""

    missing: Placed = key(_WAYS, "a call without an identity (428)", Placed("accept", NOTHING.place))
    failed: Placed = key(
        _WAYS, "an identity that is not right (436, 437, 438, 403 when it is old)", Placed("tell", NOTHING.place)
    )
    anonymous: Placed = key(_WAYS, "a call without a number (433)", Placed("accept", NOTHING.place))


STIR_POLICY = Keys(StirPolicyDoc, "stir")


@section
class StirDoc(Section):
    """Who signs callers' numbers (STIR/SHAKEN), for the trunks that have the key `stir`."""

    trust: tuple[Placed, ...] = key(
        ListOf(Text("a file"), at_least=1), "PEM files with the authorities that certificates must lead to"
    )
    hosts: tuple[Placed, ...] = key(
        ListOf(CERTIFICATE_HOST, at_least=1), "certificates are fetched from these hosts and no others"
    )
    wait: float = key(duration(0.1, 5), "a call waits no longer for a certificate", 1.0)
    fresh: float = key(duration(5, 600), "how old, or early, an identity and the Date of a call may be", 60.0)
    keep: float = key(duration(60, 30 * 86400), "a certificate is fetched anew after this", 86400.0)
    allow_http: bool = key(Flag(), "also fetch without TLS; for laboratories", False)


def build_policy(doc: Any) -> StirPolicy | None:
    return None if doc is None else StirPolicy(str(doc.missing), str(doc.failed), str(doc.anonymous))


def build_stir(document: Any, directory: Path, report: Report) -> StirSettings:
    doc: StirDoc | None = document.stir
    if doc is None:
        for trunk in document.trunks.values():
            if trunk.stir is not None:
                report.add(trunk.at("stir"), "identities cannot be checked: there is no section stir that says by whom")
        return StirSettings()
    country = document.line.country[:2]
    return StirSettings(
        anchors=b"\n".join(_anchors(name, directory, report) for name in doc.trust if name),
        hosts=tuple(map(str, filter(None, doc.hosts))),
        country_code=str(phonenumbers.country_code_for_region(country) or "") if country else "",
        wait_seconds=doc.wait,
        fresh_seconds=doc.fresh,
        keep_seconds=doc.keep,
        allow_http=doc.allow_http,
    )


def _anchors(name: Placed, directory: Path, report: Report) -> bytes:
    from softswitch.sip.stir_certificate import anchors_of

    try:
        with (directory / name).open("rb") as file:
            pem = file.read(_MOST_BYTES)
        anchors_of(pem)
    except OSError as error:
        report.add(name.place, f'the file "{name}" cannot be read: {error.strerror}')
    except ValueError:
        report.add(name.place, f'the file "{name}" holds no certificate in PEM')
    else:
        return pem
    return b""

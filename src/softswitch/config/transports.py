"""The sections `tls` and `web_phones` -> settings, and whether what is listened for has what it needs."""

from __future__ import annotations

from pathlib import Path

from softswitch.call.settings import ListenSettings, TlsSettings, WebPhoneSettings
from softswitch.config.language import Document
from softswitch.config.problems import Placed, Report
from softswitch.sip.messages import TrunkSettings

_NEEDS_CERTIFICATE = ("tls", "wss")


def build_tls(
    document: Document,
    listen: tuple[ListenSettings, ...],
    trunks: tuple[TrunkSettings, ...],
    directory: Path,
    report: Report,
) -> TlsSettings:
    unverified = tuple(trunk.host for trunk in trunks if not trunk.tls_verify and trunk.host)
    needed = next((entry.transport for entry in listen if entry.transport in _NEEDS_CERTIFICATE), "")
    if not any(entry.transport == "tls" for entry in listen):
        for trunk in document.trunks.values():
            if trunk.transport == "tls":
                report.add(trunk.at("transport"), "calls over tls come from a tls address under listen; there is none")
    doc = document.tls
    if doc is None:
        if needed:
            why = f"{needed} needs a certificate; write a section tls: with certificate and key"
            report.add(document.at("listen"), why)
        return TlsSettings(unverified=unverified)
    if bool(doc.certificate) != bool(doc.private_key):
        missing, there = ("key", "certificate") if doc.certificate else ("certificate", "key")
        there_at = doc.at("certificate" if doc.certificate else "private_key")
        report.add(there_at, f"{there} needs the key {missing} as well")
    elif needed and not doc.certificate:
        report.add(doc.place, f"{needed} needs the keys certificate and key")
    return TlsSettings(
        certificate=_file(doc.certificate, directory, report),
        key=_file(doc.private_key, directory, report, quietly=True),
        authorities=_file(doc.authorities, directory, report),
        phones=str(doc.client_certificates),
        unverified=unverified,
    )


def _file(name: Placed, directory: Path, report: Report, quietly: bool = False) -> str:
    """The path. A key is for the switch alone: whoever checks a configuration need not see it."""
    if not name:
        return ""
    path = directory / name
    if not quietly and not path.is_file():
        report.add(name.place, f'the file "{name}" does not exist')
    return str(path)


def build_web_phones(document: Document) -> WebPhoneSettings:
    doc = document.web_phones
    if doc is None:
        return WebPhoneSettings()
    origins = None if doc.origins is None else tuple(filter(None, doc.origins))
    return WebPhoneSettings(origins, tuple(filter(None, doc.proxies)))

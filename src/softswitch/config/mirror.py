"""Copies of SIP messages to a collector: how they are written, and the settings from it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from softswitch.call.settings import MirrorSettings
from softswitch.config.kinds import Number, Section, key, section
from softswitch.config.problems import Report
from softswitch.config.values import HOST_PORT, SECRET, HostPort, Secret, resolve_secret


@section
class MirrorDoc(Section):
    """A copy of each SIP message, secrets masked, to a HEPv3 collector such as HOMER, over UDP."""

    to: HostPort = key(HOST_PORT, "the collector, like 192.0.2.9:9060")
    id: int = key(Number(0, 2**31 - 1), "our number there", 1)
    password: Secret | None = key(SECRET, "its password, when it asks for one", None)


def build_mirror(
    document: Any, directory: Path, env: Mapping[str, str] | None, report: Report
) -> MirrorSettings | None:
    doc: MirrorDoc | None = document.mirror
    if doc is None:
        return None
    password = ""
    if doc.password is not None and env is not None:
        password = resolve_secret(doc.password, directory, env, report)
    return MirrorSettings(doc.to.host, doc.to.port, doc.id, password)

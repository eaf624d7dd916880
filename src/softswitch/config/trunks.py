"""Carriers as they are written -> the settings of trunks, and routes of the call room."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from softswitch.call.settings import RouteSettings
from softswitch.config.audio import MediaDoc
from softswitch.config.language import Document, TrunkDoc
from softswitch.config.problems import Report
from softswitch.config.references import Known
from softswitch.config.values import resolve_secret
from softswitch.ids import AgentId, TrunkId
from softswitch.media.codecs import g711_first
from softswitch.sip.messages import AccountSettings
from softswitch.sip.number_plan import NumberPlan


def is_network(text: str) -> bool:
    """Else it is a name."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def usual_port(doc: TrunkDoc) -> int:
    """Where an address is called that has no port; 0 for a name, as the name service knows it (RFC 3263 4.2)."""
    try:
        ipaddress.ip_address(doc.to.host)
    except ValueError:
        return 0
    return 5061 if doc.transport == "tls" else 5060


def trunk_details(doc: TrunkDoc, report: Report) -> dict[str, Any]:
    """What `TrunkSettings` has of the keys in `config.trunk_language`."""
    if not {"from_", "certificate", "login", "to"} & doc.places.keys():
        report.add(doc.place, "nothing says what it is known by; a trunk needs the key from, certificate, login or to")
    numbers = doc.numbers
    ringing = doc.ringing
    return {
        "names": tuple(map(str, doc.certificate)),
        "trusted": doc.trusted,
        "numbers": None
        if numbers is None
        else NumberPlan(
            str(numbers.country),
            str(numbers.incoming),
            str(numbers.outgoing),
            None if numbers.national_prefix is None else str(numbers.national_prefix),
        ),
        "redirects": tuple(TrunkId(str(name)) for name in doc.redirects),
        "forwarding": "" if doc.forwarding == "none" else str(doc.forwarding),
        "calls_per_second": float(doc.calls_per_second),
        "ring_seconds": ringing.seconds if ringing is not None else 0.0,
        "early_media": ringing is not None and ringing.tone == "ours",
    }


def trunk_codecs(doc: TrunkDoc, media: MediaDoc | None) -> tuple[str, ...]:
    """Those of this trunk. Where nothing is written, those of the line, but G.711 before all others: it is what the
    telephone network speaks, and each call that needs no other one there is relayed as it is."""
    if doc.codecs or media is None:
        return tuple(map(str, doc.codecs))
    line = tuple(map(str, media.codecs))
    return () if g711_first(line) == line else g711_first(line)


def trunk_accounts(
    document: Document,
    realm: str,
    directory: Path,
    env: Mapping[str, str] | None,
    taken: Mapping[str, str],
    report: Report,
) -> tuple[AccountSettings, ...]:
    """Trunks that log in. `taken`: user names of phones, with their agents."""
    accounts = []
    seen: dict[str, str] = {}
    for name, doc in document.trunks.items():
        login = doc.login
        if login is None:
            continue
        username = str(login.username)
        owner = taken.get(username) or seen.get(username)
        if owner is not None:
            report.add(login.username.place, f'the user name {username} is taken by "{owner}"')
        seen[username] = str(name)
        password = resolve_secret(login.password, directory, env, report) if env is not None else ""
        secret = f"{username}:{realm}:{password}".encode()
        accounts.append(
            AccountSettings(
                AgentId(""),
                username,
                "",
                hashlib.md5(secret, usedforsecurity=False).hexdigest(),
                hashlib.sha256(secret).hexdigest(),
                TrunkId(str(name)),
            )
        )
    return tuple(accounts)


def build_routes(document: Document, known: Known) -> dict[str, RouteSettings]:
    outgoing = {str(name) for name, doc in document.trunks.items() if doc.to.host}
    for doc in document.trunks.values():
        for trunk in doc.redirects:
            if known.check("trunk", trunk) and trunk not in outgoing and "trunk" not in known.doubtful:
                known.report.add(trunk.place, f'no call goes out through the trunk "{trunk}"; it has no key to')
    routes = {}
    for name, ways in document.routes.items():
        steps = []
        seen: set[str] = set()
        for shares in ways.trunks:
            for trunk in shares:
                if known.check("trunk", trunk) and trunk not in outgoing and "trunk" not in known.doubtful:
                    known.report.add(trunk.place, f'no call goes out through the trunk "{trunk}"; it has no key to')
                if trunk in seen:
                    known.report.add(trunk.place, f'the trunk "{trunk}" is in this route already')
                seen.add(trunk)
            steps.append(tuple((TrunkId(str(trunk)), weight) for trunk, weight in shares.items()))
        routes[str(name)] = RouteSettings(str(name), tuple(steps), tuple(map(str, ways.next_on)))
    return routes


def call_back_route(document: Document, known: Known, routes: Mapping[str, RouteSettings]) -> RouteSettings | None:
    """The route of call-backs, when one is named; else there is the trunk."""
    doc = document.call_back
    if doc is None or not doc.route:
        return None
    if doc.trunk:
        known.report.add(doc.route.place, "call_back has either a trunk or a route")
    known.check("route", doc.route)
    return routes.get(str(doc.route))

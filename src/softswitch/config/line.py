"""The line, its numbers, trunks and phones as they are written -> the settings of SIP, media and the call room."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from softswitch.call.settings import FeatureCodes, JournalSettings, LineTexts, ListenSettings, NumberSettings
from softswitch.config.flows import number_flow
from softswitch.config.kinds import keys_of
from softswitch.config.language import AgentDoc, CodesDoc, Document, TrunkDoc
from softswitch.config.phones import build_lamps
from softswitch.config.problems import Placed, Report
from softswitch.config.references import Known
from softswitch.config.stir import build_policy, build_stir
from softswitch.config.text_language import LineTextsDoc
from softswitch.config.texts import LINE_TEXTS
from softswitch.config.trunks import is_network, trunk_accounts, trunk_codecs, trunk_details, usual_port
from softswitch.config.values import Url, resolve_secret
from softswitch.ids import AgentId, FlowId, QueueId, TrunkId
from softswitch.ivr.messages import Say
from softswitch.sip.messages import AccountSettings, DefenceSettings, SipSettings, TrunkSettings

Env = Mapping[str, str]

MIN_NONCE_SECRET = 16


def build_listen(urls: tuple[Url, ...]) -> tuple[ListenSettings, ...]:
    return tuple(ListenSettings(url.scheme, url.host, url.port) for url in urls)


def build_journal(document: Document) -> JournalSettings | None:
    doc = document.journal
    if doc is False:
        return None
    if doc is None:
        return JournalSettings()
    return JournalSettings(str(doc.directory), doc.keep, doc.megabytes * 1_000_000)


# ------------------------------------------------------------------ sip


def build_sip(
    document: Document,
    listen: tuple[ListenSettings, ...],
    media_host: str,
    directory: Path,
    env: Env | None,
    report: Report,
) -> SipSettings:
    """`env` None: secrets are not looked up (a check on a machine that does not know them)."""
    realm = str(document.line.domain) or media_host
    hosts = [entry.host for entry in listen if not ipaddress.ip_address(entry.host).is_unspecified]
    sip = document.sip
    secret = ""
    if sip is not None and sip.nonce_secret is not None and env is not None:
        secret = resolve_secret(sip.nonce_secret, directory, env, report)
        if 0 < len(secret) < MIN_NONCE_SECRET:
            report.add(sip.nonce_secret.place, f"the secret is too short; at least {MIN_NONCE_SECRET} characters")
    settings = SipSettings(
        realm=realm,
        domains=tuple(dict.fromkeys([realm, media_host, *hosts])),
        trunks=_trunks(document, directory, env, report),
        accounts=_all_accounts(document, realm, directory, env, report),
        nonce_secret=secret.encode(),
        qualify_seconds=60.0,
        defence=_defence(document, report),
        stir=build_stir(document, directory, report),
        lamps=build_lamps(document),
    )
    if sip is None:
        return settings
    if sip.min_expires > sip.max_expires:
        report.add(sip.at("min_expires"), "is longer than max_expires")
    return replace(
        settings,
        min_expires_seconds=int(sip.min_expires),
        max_expires_seconds=int(sip.max_expires),
        max_contacts=sip.max_contacts,
        max_sessions=sip.max_calls,
        session_expires_seconds=int(sip.session_timer),
        name_servers=tuple((server.host, server.port) for server in sip.name_servers),
        qualify_seconds=sip.qualify or 0.0,
    )


def _defence(document: Document, report: Report) -> DefenceSettings:
    doc = document.defence
    if doc is None:
        return DefenceSettings()
    if doc is False:
        return DefenceSettings(enabled=False)
    if doc.ban > doc.longest_ban:
        report.add(doc.at("ban"), "is longer than longest_ban")
    return DefenceSettings(
        rate_per_second=float(doc.rate),
        burst=float(doc.burst),
        strangers_per_second=float(doc.strangers),
        failures=float(doc.failures),
        failure_decay_seconds=doc.forget,
        ban_seconds=doc.ban,
        longest_ban_seconds=doc.longest_ban,
        scanners=tuple(name for name in map(str, doc.scanners) if name),
        never_ban=tuple(filter(None, map(str, doc.never_ban))),
    )


def _trunks(document: Document, directory: Path, env: Env | None, report: Report) -> tuple[TrunkSettings, ...]:
    taken: list[tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, str]] = []
    trunks = []
    for name, doc in document.trunks.items():
        for text in filter(is_network, doc.from_):
            network = ipaddress.ip_network(text)
            for other, owner in taken:
                if owner != name and other.version == network.version and other.overlaps(network):
                    report.add(doc.at("from_"), f'{text} belongs to the trunk "{owner}" too; a caller would be of both')
            taken.append((network, str(name)))
        if doc.username and not (doc.password and doc.realm and doc.to.host):
            report.add(doc.username.place, "a login at a carrier needs the keys to, password and realm as well")
        if doc.register and not doc.username:
            report.add(doc.at("register"), "to register there the trunk needs the key username")
        password = ""
        if doc.password is not None and env is not None:
            password = resolve_secret(doc.password, directory, env, report)
        trunks.append(
            TrunkSettings(
                id=TrunkId(str(name)),
                networks=tuple(filter(None, doc.from_)),
                host=doc.to.host,
                port=doc.to.port or usual_port(doc),
                transport=str(doc.transport),
                max_calls=doc.max_calls,
                username=str(doc.username),
                password=password,
                realm=str(doc.realm),
                register=doc.register,
                demands=tuple(map(str, doc.require)),
                stir=build_policy(doc.stir),
                tls_verify=doc.verify,
                codecs=trunk_codecs(doc, document.media),
                **trunk_details(doc, report),
            )
        )
    return tuple(trunks)


def _all_accounts(
    document: Document, realm: str, directory: Path, env: Env | None, report: Report
) -> tuple[AccountSettings, ...]:
    """Of phones, and of trunks that log in."""
    phones = _accounts(document, realm, directory, env, report)
    taken = {account.username: str(account.agent) for account in phones}
    return (*phones, *trunk_accounts(document, realm, directory, env, taken, report))


def _accounts(
    document: Document, realm: str, directory: Path, env: Env | None, report: Report
) -> tuple[AccountSettings, ...]:
    accounts = []
    extensions: dict[str, str] = {}
    usernames: dict[str, str] = {}
    for name, doc in document.agents.items():
        username = doc.username or doc.extension
        _only_once(doc.extension, "extension", extensions, name, report)
        if doc.username or doc.extension not in extensions or extensions[doc.extension] == name:
            _only_once(username, "user name", usernames, name, report)
        if doc.extension in document.numbers:
            report.add(doc.extension.place, f"{doc.extension} is a number of the line already")
        password = resolve_secret(doc.password, directory, env, report) if env is not None else ""
        account = f"{username}:{realm}:{password}".encode()
        accounts.append(
            AccountSettings(
                agent=AgentId(str(name)),
                username=str(username),
                extension=str(doc.extension),
                ha1_md5=hashlib.md5(account, usedforsecurity=False).hexdigest(),
                ha1_sha256=hashlib.sha256(account).hexdigest(),
            )
        )
    return tuple(accounts)


def _only_once(value: Placed, what: str, taken: dict[str, str], owner: str, report: Report) -> None:
    if not value:
        return
    if value in taken:
        report.add(value.place, f'the {what} {value} is taken by the agent "{taken[value]}"')
    else:
        taken[str(value)] = str(owner)


def encryptions(docs: Mapping[Placed, AgentDoc] | Mapping[Placed, TrunkDoc]) -> dict[str, str]:
    """What is asked of whom, where something is written about it."""
    return {str(name): str(doc.encryption) for name, doc in docs.items() if doc.encryption}


def wants_dtls(document: Document, listen: tuple[ListenSettings, ...]) -> bool:
    """Browsers may come, or somebody's phone is asked for DTLS: then the media process makes a certificate."""
    words = [*encryptions(document.agents).values(), *encryptions(document.trunks).values()]
    return any(each.transport in ("ws", "wss") for each in listen) or "dtls" in words or "browser" in words


# ------------------------------------------------------------------ numbers, codes, texts


def build_numbers(document: Document, known: Known) -> dict[str, NumberSettings]:
    first = known.languages[0] if known.languages else ""
    numbers = {}
    for number, doc in document.numbers.items():
        if bool(doc.flow) == bool(doc.queue) and not known.report.unread:
            known.report.add(doc.place, "a number has either a flow or a queue")
        if doc.say is not None and doc.flow:
            known.report.add(doc.at("say"), "the greeting belongs into the flow; here it stands only with a queue")
        if known.check("calendar", doc.hours) and not doc.closed:
            known.report.add(doc.hours.place, "outside of these hours nobody answers; name a flow with the key closed")
        if doc.closed and not doc.hours:
            known.report.add(
                doc.closed.place, "without hours this flow is never used; name a calendar with the key hours"
            )
        known.check("flow", doc.flow)
        known.check("queue", doc.queue)
        known.check("flow", doc.closed)
        numbers[str(number)] = NumberSettings(
            number=str(number),
            flow=FlowId(str(doc.flow)) if doc.flow else number_flow(number),
            language=known.language(doc.language) or first,
            hours=str(doc.hours),
            closed_flow=FlowId(str(doc.closed)) if doc.closed else None,
        )
    return numbers


def build_codes(document: Document, report: Report) -> FeatureCodes:
    codes = document.codes
    if codes is None:
        return FeatureCodes()
    seen: dict[str, str] = {}
    for spec in keys_of(CodesDoc).values():
        code = getattr(codes, spec.attribute)
        if code and code in seen and spec.name not in codes.places:  # nobody has written this one
            told = f"{code} is the code for {spec.name}, too; give that another, or write {spec.name}: off"
            report.add(codes.at(seen[code]), told)
        elif code and code in seen:
            report.add(codes.at(spec.attribute), f"{code} is the code for {seen[code]} already")
        if code:
            seen[str(code)] = spec.name
    found = {spec.attribute: str(getattr(codes, spec.attribute)) for spec in keys_of(CodesDoc).values()}
    return FeatureCodes(**found)


def build_departments(document: Document, report: Report) -> dict[str, QueueId]:
    """The queues by what agents dial behind the code for passing on."""
    found: dict[str, QueueId] = {}
    for name, doc in document.queues.items():
        if doc.code and str(doc.code) in found:
            report.add(doc.code.place, f'{doc.code} is the code of the queue "{found[str(doc.code)]}" already')
        elif doc.code:
            found[str(doc.code)] = QueueId(str(name))
    return found


def build_line_texts(document: Document, known: Known) -> LineTexts:
    written = document.line.texts
    says: dict[str, Say] = {}
    for name in keys_of(LineTextsDoc):
        own = getattr(written, name) if written is not None else None
        says[name] = known.say(own, ()) if own is not None else known.default(LINE_TEXTS[name])
    return LineTexts(**says)


def build_call_back(document: Document, known: Known) -> tuple[TrunkId | None, str]:
    """The trunk for call-backs, and the number that the customer sees."""
    outgoing = [name for name, doc in document.trunks.items() if doc.to.host]
    doc = document.call_back
    trunk = doc.trunk if doc is not None else Placed("", document.place)
    if known.check("trunk", trunk) and trunk not in outgoing and "trunk" not in known.doubtful:
        known.report.add(trunk.place, f'no call goes out through the trunk "{trunk}"; it has no key to')
    chosen = str(trunk) or (str(outgoing[0]) if len(outgoing) == 1 else "")
    shown = str(doc.show) if doc is not None else ""
    return TrunkId(chosen) if chosen else None, shown or next(map(str, document.numbers), "")

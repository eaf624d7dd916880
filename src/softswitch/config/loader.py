"""A directory of YAML files -> one immutable `Settings`, or all of its problems."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from softswitch.call.settings import CallSettings, Settings
from softswitch.config.audio import SIP_MARK, build_media, report_few
from softswitch.config.calendars import build_hours
from softswitch.config.customers import build_customers
from softswitch.config.dialling import build_dialling
from softswitch.config.flow_language import FLOW_FILE, FlowBody
from softswitch.config.flows import FlowBuilder
from softswitch.config.kinds import Word
from softswitch.config.language import DOCUMENT, Document
from softswitch.config.line import (
    build_call_back,
    build_codes,
    build_departments,
    build_journal,
    build_line_texts,
    build_listen,
    build_numbers,
    build_sip,
    encryptions,
    wants_dtls,
)
from softswitch.config.mirror import build_mirror
from softswitch.config.overload import build_overload
from softswitch.config.phones import build_transfers
from softswitch.config.problems import ConfigProblems, Place, Placed, Problem, Report
from softswitch.config.queues import build_absences, build_acd, build_queue_texts, build_voices, report_circles
from softswitch.config.record_notice import warn_of_untold
from softswitch.config.recording import build_recording
from softswitch.config.references import Known
from softswitch.config.speech import build_speech
from softswitch.config.supervision import build_supervised
from softswitch.config.survive import build_survive
from softswitch.config.transports import build_tls, build_web_phones
from softswitch.config.tree import Mapping as MapNode
from softswitch.config.tree import Node, Scalar, read_file
from softswitch.config.trunks import build_routes, call_back_route
from softswitch.config.values import API, LISTEN, PORTS, Secret, Url, database_url, resolve_secret
from softswitch.ids import TrunkId
from softswitch.ivr.messages import Target
from softswitch.media.messages import SetUpRecording

T = TypeVar("T")

MAX_FILES = 1000
_NO_LINE = "the configuration needs the key line"


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says instead of the files; None or nothing: as the files say."""

    listen: tuple[str, ...] | None = None  # udp://127.0.0.1:5060 ...
    http: str | None = None  # 127.0.0.1:8060 or http://127.0.0.1:8060
    database: str | None = None  # sqlite:///... or postgresql://...
    rtp_ports: tuple[int, int] | str | None = None  # (20000, 29999) or 20000..29999
    prompts: str | None = None  # the directory of rendered prompts


def load(directory: str | Path, overrides: Overrides | None = None, env: Mapping[str, str] | None = None) -> Settings:
    """The settings of this directory; raises `ConfigProblems`. `env` is where secrets come from: the process's."""
    report = Report()
    settings = _settings(Path(directory), overrides or Overrides(), os.environ if env is None else env, report)
    if report.problems or settings is None:
        raise ConfigProblems(report.problems)
    return settings


def load_without_secrets(directory: str | Path) -> Settings:
    """The settings without what is secret (passwords, addresses of databases), for what needs none of it."""
    report = Report()
    settings = _settings(Path(directory), Overrides(), None, report)
    if report.problems or settings is None:
        raise ConfigProblems(report.problems)
    return settings


def load_recording(directory: str | Path, env: Mapping[str, str] | None = None) -> SetUpRecording | None:
    """Where recordings are and their keys, and no other secret; None: this line does not record. ConfigProblems."""
    report = Report()
    found = Path(directory)
    document = _document(found, report) if found.is_dir() else None
    if document is None:
        report.add(Place(str(directory), 0), "is not a directory with a configuration")
        raise ConfigProblems(report.problems)
    setup, _ = build_recording(document, found, os.environ if env is None else env, report)
    if report.problems:
        raise ConfigProblems(report.problems)
    return setup


def check(directory: str | Path, env: Mapping[str, str] | None = None) -> list[Problem]:
    """All problems, sorted by place. Without `env` secrets are not looked up, so that any machine can check."""
    return look(directory, env)[0]


def look(directory: str | Path, env: Mapping[str, str] | None = None) -> tuple[list[Problem], list[Problem]]:
    """All problems, and all warnings: what works, and probably not as it should. Each sorted by place."""
    report = Report()
    _settings(Path(directory), Overrides(), env, report)
    return sorted(set(report.problems)), sorted(set(report.warnings))


# ------------------------------------------------------------------ reading


def _settings(directory: Path, overrides: Overrides, env: Mapping[str, str] | None, report: Report) -> Settings | None:
    if not directory.is_dir():
        report.add(Place(str(directory), 0), "is not a directory with a configuration")
        return None
    document = _document(directory, report)
    if document is None:
        return None
    flows = _flow_files(directory, document, report)
    return _Build(directory, document, flows, overrides, report).settings(env)


def _files(directory: Path, report: Report) -> list[Path]:
    found = sorted(path for path in directory.iterdir() if path.is_file() and not path.name.startswith("."))
    for path in found:
        if path.suffix == ".yml":
            report.add(Place(path.name), "is not read; configuration files end in .yaml")
    files = [path for path in found if path.suffix == ".yaml"]
    if len(files) > MAX_FILES:
        report.add(Place(directory.name, 0), f"holds {len(files)} files; at most {MAX_FILES} are read")
    return files[:MAX_FILES]


def _document(directory: Path, report: Report) -> Document | None:
    """All top-level files together; each section stands in one of them."""
    files = _files(directory, report)
    if not files:
        report.add(Place(str(directory), 0), "holds no configuration: there is no file line.yaml")
        return None
    items: list[tuple[Scalar, Node]] = []
    seen: dict[str, Place] = {}
    for path in files:
        node = read_file(path, path.name, report)
        if node is None or (isinstance(node, Scalar) and node.empty):
            continue
        if not isinstance(node, MapNode):
            report.add(node.place, "expected sections like line: and queues:")
            continue
        for key_node, value in node.items:
            if key_node.text in seen:
                first = seen[key_node.text]
                report.add(
                    key_node.place, f'the section "{key_node.text}" stands in {first.file} too (line {first.line})'
                )
            else:
                seen[key_node.text] = key_node.place
                items.append((key_node, value))
    document = DOCUMENT.read(MapNode(Place(files[0].name), tuple(items)), report)
    if report.unread:  # a missing section may stand in the file that could not be read
        report.problems = [problem for problem in report.problems if problem.message != _NO_LINE]
    return document


def _flow_files(directory: Path, document: Document, report: Report) -> dict[Placed, FlowBody]:
    flows: dict[Placed, FlowBody] = dict(document.flows)
    folder = directory / "flows"
    for path in _files(folder, report) if folder.is_dir() else []:
        name = f"flows/{path.name}"
        unread = len(report.unread)
        node = read_file(path, name, report)
        if node is None:
            if len(report.unread) == unread:
                report.add(Place(name), "the file is empty")
            flows.setdefault(Placed(path.stem, Place(name)), FlowBody(place=Place(name), places={}, steps=()))
            continue
        flow = FLOW_FILE.read(node, report)
        first = next((other for other in flows if other == flow.flow), None)
        if first:
            report.add(
                flow.flow.place, f'the flow "{first}" stands in {first.place.file} too (line {first.place.line})'
            )
        elif flow.flow:
            flows[flow.flow] = flow
    return flows


# ------------------------------------------------------------------ building


class _Build:
    """From what was written to `Settings`; whatever does not fit together is reported."""

    def __init__(
        self,
        directory: Path,
        document: Document,
        flows: dict[Placed, FlowBody],
        overrides: Overrides,
        report: Report,
    ) -> None:
        self._directory = directory
        self._document = document
        self._flow_docs = flows
        self._overrides = overrides
        self._report = report
        self._known = Known(
            directory, tuple(map(str, filter(None, document.line.languages))), document.line.at("languages"), report
        )
        sections = document.places
        for what, section, ids in (
            ("queue", "queues", list(document.queues)),
            ("flow", "flows", list(flows)),
            ("agent", "agents", list(document.agents)),
            ("calendar", "hours", list(document.hours)),
            ("trunk", "trunks", list(document.trunks)),
            ("team", "teams", list(document.teams)),
            ("route", "routes", list(document.routes)),
        ):
            self._known.add(what, ids, section in sections or what == "flow")

    def settings(self, env: Mapping[str, str] | None) -> Settings:
        document, report, known = self._document, self._report, self._known
        listen = build_listen(self._listen())
        media = replace(build_media(document.media, self._rtp_ports(), report), dtls=wants_dtls(document, listen))
        setup, plan = build_recording(document, self._directory, env, report)
        media = replace(media, recording=setup)
        api = self._api()
        prompts = document.prompts
        cache = self._overrides.prompts or (str(prompts.cache) if prompts is not None else "var/prompts")
        tts = str(prompts.tts) if prompts is not None else "espeak-ng"
        human = self._human()
        builder = FlowBuilder(known, human)
        acd = build_acd(document, known)
        call = replace(self._call(builder, human), recording=plan)
        warn_of_untold(document, self._flow_docs, call.flows, plan, report)
        sip = build_sip(document, listen, media.host, self._directory, env, report)
        return Settings(
            listen=listen,
            http_host=api.host,
            http_port=api.port,
            database_url=self._database(env),
            prompt_cache=cache,
            directory=str(self._directory.resolve()),
            tts="" if tts == "none" else tts,
            sip=sip,
            media=media,
            acd=acd,
            call=call,
            journal=build_journal(document),
            survive=build_survive(document),
            mirror=build_mirror(document, self._directory, env, report),
            tls=build_tls(document, listen, sip.trunks, self._directory, report),
            web_phones=build_web_phones(document),
            speech=build_speech(document, known, self._directory, env, report),
            sip_dscp=SIP_MARK if document.sip is None else document.sip.dscp,
            warnings=tuple(map(str, sorted(set(report.warnings)))),
        )

    def _call(self, builder: FlowBuilder, human: str) -> CallSettings:
        document, known = self._document, self._known
        line = document.line
        first_year = time.gmtime().tm_year - 1
        hours = {
            str(name): build_hours(str(name), doc, line.country, first_year, self._report)
            for name, doc in document.hours.items()
        }
        trunk, shown = build_call_back(document, known)
        flows = builder.build(self._flow_docs, document.numbers)
        queue_texts = build_queue_texts(document, known, builder)
        report_circles(document, queue_texts, flows, self._report)
        return CallSettings(
            name=str(line.name),
            timezone=str(line.timezone),
            languages=known.languages,
            numbers=build_numbers(document, known),
            flows=flows,
            hours=hours,
            queue_texts=queue_texts,
            agents=build_voices(document, known),
            codes=build_codes(document, self._report),
            departments=build_departments(document, self._report),
            texts=build_line_texts(document, known),
            call_back_trunk=trunk,
            call_back_route=call_back_route(document, known, build_routes(document, known)),
            call_back_caller=shown,
            absences=build_absences(document, known),
            customers=build_customers(document.customers, known),
            human=Target(queue=human) if human else Target(hang_up=True),
            dialling=build_dialling(document, known),
            overload=build_overload(document, known),
            encryption_of_agents=encryptions(document.agents),
            encryption_of_trunks={TrunkId(name): word for name, word in encryptions(document.trunks).items()},
            transfers=build_transfers(document, known),
            supervised=build_supervised(document, known),
        )

    def _human(self) -> str:
        chosen = self._document.line.human
        if chosen:
            self._known.check("queue", chosen)
            return str(chosen)
        return next(map(str, self._document.queues), "")

    # -------------------------------------------------------------- what the command line may override

    def _override(self, kind: Word[T], text: str, flag: str) -> T:
        return kind.read(Scalar(Place(flag, 0), text, True), self._report)

    def _listen(self) -> tuple[Url, ...]:
        written = self._overrides.listen
        if written:
            return tuple(self._override(LISTEN, text, "--listen") for text in written)
        urls = self._document.listen
        if len(set(urls)) != len(urls):
            self._report.add(self._document.at("listen"), "an address stands here twice")
        return urls

    def _rtp_ports(self) -> tuple[int, int] | None:
        written = self._overrides.rtp_ports
        if not isinstance(written, str):
            return written
        ports = self._override(PORTS, written, "--rtp-ports")
        media = self._document.media
        report_few(ports, media.workers if media is not None else 1, Place("--rtp-ports", 0), self._report)
        return ports

    def _api(self) -> Url:
        written = self._overrides.http
        if written is None:
            return self._document.api
        return self._override(API, written if "://" in written else f"http://{written}", "--http")

    def _database(self, env: Mapping[str, str] | None) -> str:
        written = self._overrides.database
        place = Place("--database", 0)
        if written is None:
            if not isinstance(self._document.database, Secret):
                return str(self._document.database)
            if env is None:
                return ""
            place = self._document.at("database")
            written = resolve_secret(self._document.database, self._directory, env, self._report)
            if not written:
                return ""
        try:
            return database_url(written)
        except ValueError as error:
            self._report.add(place, str(error))
            return ""

"""Recording: how it is written, and the settings from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from softswitch.call.recording_settings import RecordingPlan, RecordRule
from softswitch.config.kinds import Keys, MapOf, Number, OneOf, Section, Text, Word, key, section
from softswitch.config.problems import Placed, Report, did_you_mean
from softswitch.config.values import NOTHING, SECRET, Secret, duration, resolve_secret
from softswitch.ids import QueueId
from softswitch.media.messages import SetUpRecording
from softswitch.media.recording.crypt import read_key

FORMATS = ("flac", "wav", "ulaw", "alaw", "opus", "mp3")
ACTIONS = ("start", "stop", "mask", "unmask")
_MODES = ("always", "never", "on_demand")


def _rule(text: Placed, match: re.Match[str]) -> RecordRule:
    if text in _MODES:
        return RecordRule(str(text))
    percent = float(match[1])
    if not 0 < percent <= 100:
        raise ValueError("a share lies between 0% and 100%")
    return RecordRule("always", percent)


RECORD = Word(
    "always, never, on_demand, or a share of the calls like 20%",
    rf"(?:{'|'.join(_MODES)})|([0-9]{{1,3}}(?:\.[0-9]{{1,2}})?)%",
    _rule,
    RecordRule("never"),
)
KEY_ID = Word("a name of letters, digits, _ and -", r"[A-Za-z0-9_-]{1,32}", lambda text, _: text, NOTHING)
KEEP = duration(60, 40 * 366 * 86400.0)


@section
class RecordingDoc(Section):
    """Where recordings go, how they are sealed and how long they are kept. Which calls are recorded say the queues
    (`record`) and the flows (a `record` step)."""

    directory: Placed = key(Text("a directory"), "where they are", Placed("var/recordings", NOTHING.place))
    format: Placed = key(OneOf(*FORMATS), "what they are kept as", Placed("flac", NOTHING.place))
    keys: dict[Placed, Secret] = key(
        MapOf(KEY_ID, SECRET, at_least=1), "keys of 32 bytes each, by a name that stays with what they have sealed", {}
    )
    seal_with: Placed = key(KEY_ID, "which of the keys seals what is new; by default the last one", NOTHING)
    keep: float = key(KEEP, "so long is a recording kept; then it is deleted, and what it was is noted", 90 * 86400.0)
    free_megabytes: int = key(
        Number(0, 10_000_000), "so much of the disk stays free; with less nothing is written", 500
    )


RECORDING = Keys(RecordingDoc, "recording")


def build_recording(
    document: Any, directory: Path, env: Mapping[str, str] | None, report: Report
) -> tuple[SetUpRecording | None, RecordingPlan | None]:
    """For the media process, and for the calls."""
    doc: RecordingDoc | None = document.recording
    rules: dict[QueueId, RecordRule] = {}
    keep: dict[QueueId, float] = {}
    for name, queue in document.queues.items():
        if queue.record is not None:
            rules[QueueId(str(name))] = queue.record
            if doc is None and queue.record.mode != "never":
                report.add(queue.at("record"), "nothing says where recordings go; it needs the section recording:")
        if queue.keep_recordings is not None:
            keep[QueueId(str(name))] = queue.keep_recordings
    if doc is None:
        return None, None
    keys = _keys(doc, directory, env, report)
    use = str(doc.seal_with) or next(reversed(list(map(str, doc.keys))), "")
    if doc.seal_with and doc.seal_with not in doc.keys:
        hint = did_you_mean(doc.seal_with, doc.keys)
        report.add(doc.seal_with.place, f'there is no key "{doc.seal_with}" among keys{hint}')
    setup = SetUpRecording(str(doc.directory), keys, use, doc.free_megabytes, str(doc.format))
    return setup, RecordingPlan(rules, doc.keep, keep)


def _keys(doc: RecordingDoc, directory: Path, env: Mapping[str, str] | None, report: Report) -> tuple[str, ...]:
    if env is None:
        return ()
    keys = []
    for name, secret in doc.keys.items():
        text = resolve_secret(secret, directory, env, report)
        if text:
            try:
                keys.append(f"{name}:{read_key(text).hex()}")
            except ValueError as error:
                report.add(secret.place, str(error))
    return tuple(keys)

"""The section `recording`, `record` of a queue and the step `record`."""

from __future__ import annotations

from pathlib import Path

import pytest

from softswitch.call.recording_settings import RecordRule
from softswitch.config import ConfigProblems, load, look
from softswitch.ids import QueueId

LINE = """
line: {{ name: Bank, languages: [en], timezone: UTC, country: EE }}
listen: [udp://127.0.0.1:5060]
numbers: {{ "1210": {{ queue: everyday }} }}
agents: {{ anna: {{ name: Anna, extension: 1001, queues: [everyday], password: {{ env: PW }} }} }}
queues:
  everyday: {{ record: {record}, keep_recordings: 30d }}
{more}
"""
RECORDING = """
recording:
  directory: var/rec
  format: opus
  keys: { "2025": { env: OLD }, "2026": { file: new.key } }
  keep: 10d
"""
ENV = {"PW": "secret-of-anna", "OLD": "ab" * 32}


def written(directory: Path, record: str = "always", more: str = RECORDING) -> Path:
    (directory / "line.yaml").write_text(LINE.format(record=record, more=more), encoding="utf-8")
    (directory / "new.key").write_text("cd" * 32 + "\n", encoding="utf-8")
    return directory


def test_it_is_read(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "20%"), env=ENV)
    setup, plan = settings.media.recording, settings.call.recording
    assert setup is not None and plan is not None
    assert (setup.directory, setup.format, setup.use, setup.free_megabytes) == ("var/rec", "opus", "2026", 500)
    assert setup.keys == ("2025:" + "ab" * 32, "2026:" + "cd" * 32)
    assert "abab" not in repr(settings) and "cdcd" not in repr(settings)
    assert plan.rules == {QueueId("everyday"): RecordRule("always", 20.0)}
    assert (plan.keep_seconds, plan.keep_by_queue) == (10 * 86400.0, {QueueId("everyday"): 30 * 86400.0})


def test_without_the_section_nothing_is_recorded(tmp_path: Path) -> None:
    settings = load(written(tmp_path, "never", ""), env=ENV)
    assert settings.media.recording is None and settings.call.recording is None


@pytest.mark.parametrize(
    ("record", "more", "problem"),
    [
        ("always", "", "nothing says where recordings go; it needs the section recording:"),
        (
            "always",
            RECORDING + "flows: { main: { steps: [{ say: { en: Hi }, name: record_notice }, { queue: everyday }] } }",
            'the name "record_notice" is that of the step that tells of the recording; take another one',
        ),
        ("sometimes", RECORDING, "expected always, never, on_demand, or a share of the calls like 20%"),
        ("0%", RECORDING, "a share lies between 0% and 100%"),
        ("always", RECORDING + '  seal_with: "2027"', 'there is no key "2027" among keys - did you mean'),
        ("always", RECORDING.replace("new.key", "gone.key"), "gone.key cannot be read"),
        ("always", RECORDING.replace("OLD", "PW"), "a recording key is 32 bytes: 64 hexadecimal digits, or base64"),
        ("always", RECORDING.replace("opus", "ogg"), "opus"),
    ],
)
def test_what_is_wrong_is_said_where_it_stands(tmp_path: Path, record: str, more: str, problem: str) -> None:
    with pytest.raises(ConfigProblems) as found:
        load(written(tmp_path, record, more), env=ENV)
    assert problem in str(found.value)
    assert "line.yaml:" in str(found.value)


TOLD = """
line: { name: Bank, languages: [en], timezone: UTC, country: EE, human: everyday }
listen: [udp://127.0.0.1:5060]
numbers:
  "1210": { flow: welcome }
  "1211": { queue: fraud, say: { en: "Hello." } }
  "1212": { flow: welcome, hours: office, closed: night }
hours: { office: { open: { mon-fri: 09:00-17:00 } } }
flows:
  welcome:
    steps:
      - record: start
      - record_notice: { en: "This call is recorded." }
      - goto: ask
  ask:
    steps:
      - menu: main
        say: { en: "Press 1." }
        keys: { 1: { queue: loans }, 2: refused }
      - record: stop
        name: refused
      - queue: everyday
  night:
    steps:
      - say: { en: "We are closed." }
      - record: start
      - queue: quiet
queues:
  everyday: { record: always }
  fraud:
    record: 20%
  loans: { record: on_demand }
  quiet: {}
agents: { anna: { name: Anna, extension: 1001, queues: [everyday, fraud, loans], password: { env: PW } } }
recording: { directory: var/rec }
"""


def warned(directory: Path, text: str) -> list[str]:
    (directory / "line.yaml").write_text(text, encoding="utf-8")
    problems, warnings = look(directory)
    assert not problems
    return [f"{each.place.line}: {each.message}" for each in warnings]


def test_who_is_recorded_untold_shows(tmp_path: Path) -> None:
    found = warned(tmp_path, TOLD)
    assert found == [
        "26: callers are recorded from here on, and no record_notice has told them",
        "31: callers of 1211 come here, are recorded, and no record_notice has told them",
    ]
    settings = load(tmp_path, env=ENV)
    assert [each.partition(" ")[2] for each in settings.warnings] == [each.partition(" ")[2] for each in found]
    assert warned(tmp_path, TOLD.replace("- record_notice:", "- say:")) == [
        "12: callers are recorded from here on, and no record_notice has told them",
        "26: callers are recorded from here on, and no record_notice has told them",
        "29: callers of 1210, 1212 come here, are recorded, and no record_notice has told them",
        "31: callers of 1211 come here, are recorded, and no record_notice has told them",
        "32: callers of 1210, 1212 come here, are recorded, and no record_notice has told them",
    ]


def test_a_line_without_any_notice_that_records_somebody_later_shows(tmp_path: Path) -> None:
    """Whoever comes to the queue: passed on, by overflow."""
    quiet = TOLD.replace("- record_notice:", "- say:").replace("queue: loans", "queue: quiet")
    quiet = quiet.replace("record: always", "record: never").replace("record: 20%", "record: never")
    assert "32: callers are recorded, and no flow has a record_notice that tells them" in warned(tmp_path, quiet)
    assert warned(tmp_path, LINE.format(record="never", more=RECORDING)) == []
    assert warned(tmp_path, LINE.format(record="always", more=RECORDING)) == [
        "7: callers of 1210 come here, are recorded, and no record_notice has told them"
    ]

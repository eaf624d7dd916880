"""The whole demo story, as a stranger runs it: every step as expected."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import wave
from pathlib import Path

import pytest

pytestmark = [pytest.mark.interop, pytest.mark.slow]

COMMAND = [sys.executable, "-m", "softswitch", "demo"]
STORY_SECONDS = 300


def test_every_step_is_as_expected(tmp_path: Path) -> None:
    keep = tmp_path / "kept"
    done = subprocess.run(
        [*COMMAND, "--once", "--json", "--keep", str(keep)], capture_output=True, text=True, timeout=STORY_SECONDS
    )
    report = json.loads(done.stdout)
    differing = [(step["step"], step["seen"]) for step in report["steps"] if not step["ok"]]
    assert not differing, differing
    assert done.returncode == 0, done.stderr
    assert report["ok"]
    assert len(report["steps"]) >= 19
    assert all(step["evidence"] for step in report["steps"] if step["step"].startswith(("A calls", "B calls")))
    with wave.open(str(keep / "A-1.wav")) as heard:
        assert heard.getframerate() == 8000
        assert heard.getnframes() > 10 * 8000
    assert "Traceback" not in (keep / "switch.log").read_text()
    its_day_again_with_two_more_agents(keep / "journal")


def its_day_again_with_two_more_agents(journal: Path) -> None:
    """What really happened is read to the last caller, and the answer says how sure it is."""
    command = [sys.executable, "-m", "softswitch", "replay", str(journal), "--agents", "+2", "--seeds", "4", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["callers"] >= 10 and found["agents"] == [3, 5]
    rows = {row["name"]: row for row in found["figures"]}
    assert rows["service_level_percent"]["happened"] > 0 and rows["asa_seconds"]["same"]["mean"] >= 0
    assert "seeds agree on the sign" in found["sentence"] and "The model misses what happened by" in found["sentence"]


def test_ctrl_c_leaves_nothing_behind(tmp_path: Path) -> None:
    demo = subprocess.Popen(
        [*COMMAND, "--once"], cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )
    try:
        children = wait_for_children(demo.pid, 8)
        demo.send_signal(signal.SIGINT)
        assert demo.wait(60) == 130
    finally:
        demo.kill()
        demo.communicate()
    assert [pid for pid in children if alive(pid)] == []


def wait_for_children(pid: int, many: int) -> list[int]:
    """The phones and the switch, as soon as they are there (the kernel's list, asked again and again)."""
    path = Path(f"/proc/{pid}/task/{pid}/children")
    if not path.exists():
        pytest.skip("this system does not list the children of a process")
    found: list[int] = []
    while len(found) < many:
        found = [int(word) for word in path.read_text().split()]
    return found


def alive(pid: int) -> bool:
    try:
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()
    except FileNotFoundError:
        return False

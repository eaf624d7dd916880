"""The media report's own rules: what counts as met, what is left out and said; and one of its parts run for real."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REPORT = ROOT / "bench" / "media_report.py"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(REPORT), *arguments], capture_output=True, text=True, check=False)


def test_an_unknown_part_is_named_with_those_there_are() -> None:
    done = run("--only", "video")
    assert done.returncode == 2
    assert "there is no part 'video'" in done.stderr
    for part in ("relay", "capacity", "prompts", "memory", "transcoding", "mixing", "recording", "browsers"):
        assert part in done.stderr


@pytest.mark.serial
def test_mixing_is_measured() -> None:
    done = run("--quick", "--only", "mixing")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])["mixing"]
    assert 0 < figures["received_alone_us"] < figures["whole_us"]
    assert figures["came_out"] > 0.8, "everybody hears the mix all the time"


@pytest.mark.serial
def test_recording_is_measured() -> None:
    done = run("--quick", "--only", "recording")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])["recording"]
    assert figures["reels"] == 100, "every call is recorded"
    assert figures["without_us"] > 0 and figures["with_us"] > 0 and figures["writer_us"] > 0

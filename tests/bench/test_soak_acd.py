"""The long run of the ACD engine, made short."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path


def soak(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(project / "bench" / "soak_acd.py"), *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_ten_thousand_events(project: Path) -> None:
    done = soak(project, "--events", "10000", "--jobs", "1", "--seed", "77000")
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout.splitlines()[-1])
    assert figures["events"] >= 10_000 and figures["failed"] == []
    assert "events per second" in done.stdout and "largest process" in done.stdout


def test_nothing_to_do_is_said(project: Path) -> None:
    done = soak(project, "--events", "5")
    assert done.returncode == 2 and "at least 10000 events" in done.stderr

"""Starts the switch (or another program) pinned to one core for a measurement, and stops it again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Any

START_SECONDS = 30.0
STOP_SECONDS = 35.0
FLOOR_PORT = 30000  # above the switch's RTP ports, below those that Linux hands out


class BenchError(Exception):
    """Something could not be measured; the message is for the person who waits."""


def pinned(core: int, command: list[str]) -> list[str]:
    """The command with its processes kept on one core; on a machine with a single one, as it is."""
    return ["taskset", "-c", str(core), *command] if core in os.sched_getaffinity(0) else command


def process_tree(root: int) -> list[int]:
    """This process and everything it started."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        found.append(todo.pop())
        todo += children.get(found[-1], [])
    return found


def left_behind(root: int) -> dict[str, int]:
    """Memory and descriptors of a process tree, now."""
    memory = descriptors = 0
    for pid in process_tree(root):
        try:
            status = Path(f"/proc/{pid}/status").read_text()
            descriptors += len(os.listdir(f"/proc/{pid}/fd"))
        except OSError:
            continue
        memory += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    return {"rss_kb": memory, "descriptors": descriptors}


class SwitchUnderTest:
    """`softswitch run DIRECTORY` on a core of its own, ready when its health page says so."""

    def __init__(self, directory: Path, http_port: int, core: int, log: Path) -> None:
        self._directory = directory
        self._health = f"http://127.0.0.1:{http_port}/healthz"
        self._core = core
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def __enter__(self) -> SwitchUnderTest:
        command = pinned(self._core, [sys.executable, "-m", "softswitch", "run", str(self._directory)])
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        end = time.monotonic() + START_SECONDS
        while not self._healthy():
            if self._process.poll() is not None:
                raise BenchError(f"the switch ended with status {self._process.returncode}; its log:\n{self.log_end()}")
            if time.monotonic() > end:
                self._stop()
                raise BenchError(f"the switch was not ready after {START_SECONDS:.0f} s; its log:\n{self.log_end()}")
            time.sleep(0.05)
        return self

    def _healthy(self) -> bool:
        try:
            with urllib.request.urlopen(self._health, timeout=1) as answer:
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def log_end(self, lines: int = 15) -> str:
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-lines:])

    def _stop(self) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()


class Workload:
    """The standard call-queue workload: the shared driver, its generator and its floor."""

    def __init__(self, folder: Path, out: Path, gen_core: int) -> None:
        self._folder = folder
        self._out = out
        self._gen_core = gen_core
        missing = [
            name
            for name in ("acdbench.py", "acdload.c", "udprelay.c", "rtprelay_legs.py")
            if not (folder / name).exists()
        ]
        if missing:
            raise BenchError(f"{folder} has no {', '.join(missing)}; say where the driver is with --driver FOLDER")

    def run(self, name: str, pid: int, options: list[str], *words: str) -> dict[str, Any]:
        """One run of the driver against the process tree of `pid`; its whole result."""
        result = self._out / f"{name}.json"
        result.unlink(missing_ok=True)
        command = [
            sys.executable,
            str(self._folder / "acdbench.py"),
            "--pid",
            str(pid),
            "--name",
            name,
            "--out",
            str(result),
        ]
        command += ["--gen-cpu", str(self._gen_core), *options, *words]
        subprocess.run(
            command, check=False, stdout=sys.stderr, env={**os.environ, "ACDBENCH_BIN": str(self._out / "bin")}
        )
        if not result.exists():
            raise BenchError(f"the driver gave no result: {' '.join(command)}")
        found: dict[str, Any] = json.loads(result.read_text())
        return found

    def floor(self, core: int, calls: int, options: list[str], measure: str) -> dict[str, Any]:
        """The C relay with as many calls: what the kernel alone costs for each packet."""
        program, legs = self._out / "udprelay", self._out / "legs.txt"
        subprocess.run(["cc", "-O2", "-w", "-o", str(program), str(self._folder / "udprelay.c")], check=True)
        make_legs = [sys.executable, str(self._folder / "rtprelay_legs.py"), "udprelay", "--out", str(legs)]
        make_legs += ["--calls", str(calls), "--base", str(FLOOR_PORT)]
        subprocess.run(make_legs, check=True, stdout=sys.stderr)
        relay = subprocess.Popen(pinned(core, [str(program), str(FLOOR_PORT), str(calls)]))
        try:
            time.sleep(0.3)
            if relay.poll() is not None:
                raise BenchError(f"the floor's ports, 127.0.0.1:{FLOOR_PORT} and up, are taken")
            return self.run("floor", relay.pid, options, "raw", "--raw-file", str(legs), "--measure", measure)
        finally:
            relay.terminate()
            relay.wait()

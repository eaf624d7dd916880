"""`make fuzz`: looks for inputs that break a target, for a given time.

    make fuzz ARGS="--seconds 60"                 every target, guided by what code an input reaches
    make fuzz ARGS="--target sdp --seconds 600"   one
    make fuzz ARGS="--seed 7"                     the same search again (own engine only)

With atheris (libFuzzer; the Makefile fetches it into .venv/atheris when it can be had) each target runs in a process of
its own under it. Without, our own engine does: an input that reaches new lines is kept and mutated further. What breaks
a target is written to tests/fuzz/found/TARGET; once it is mended, the file stays as a regression test.
"""

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from types import FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "src"), str(ROOT / ".venv" / "atheris")]

from tests.fuzz.targets import CUT, FOUND, TARGETS, seeds  # noqa: E402
from tests.fuzz.test_sip_mutations import PIECES, mutated  # noqa: E402

MOST_BYTES = 8192
MOST_KEPT = 2000


def keep(target: str, data: bytes) -> Path:
    folder = FOUND / target
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{sha256(data).hexdigest()[:16]}.bin"
    path.write_bytes(data)
    return path


class Guide:
    """Which lines of `softswitch` an input reaches that none reached before."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()
        self._new = 0

    def reaches_new(self, target: Callable[[bytes], None], data: bytes) -> bool:
        self._new = 0
        sys.settrace(self._call)
        try:
            target(data)
        finally:
            sys.settrace(None)
        return self._new > 0

    def _call(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._line if "/softswitch/" in frame.f_code.co_filename else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        place = (id(frame.f_code), frame.f_lineno)
        if place not in self._seen:
            self._seen.add(place)
            self._new += 1
        return self._line


def joined(chance: random.Random, pool: list[bytes]) -> bytes:
    """A mutation, sometimes of two inputs put together."""
    data = chance.choice(pool)
    if chance.random() < 0.2:
        other = chance.choice(pool)
        data = data + CUT + other if chance.random() < 0.5 else data[: len(data) // 2] + other[len(other) // 2 :]
    return mutated(chance, data)[:MOST_BYTES]


def search(name: str, seconds: float, seed: int, report: Callable[[str], None], enough: int = 50) -> int:
    """Our own engine. Returns in how many ways inputs broke the target; after `enough` of them it stops."""
    target, chance, guide = TARGETS[name], random.Random(seed), Guide()
    pool: list[bytes] = []
    runs = broken = 0
    reasons: set[str] = set()
    todo = [*seeds(name), b""]
    end = time.monotonic() + seconds
    while (time.monotonic() < end or todo) and broken < enough:
        data = todo.pop() if todo else joined(chance, pool)
        runs += 1
        try:
            if guide.reaches_new(target, data) or not pool:
                pool.append(data)
                pool = pool[-MOST_KEPT:]
        except Exception as problem:
            place = traceback.extract_tb(problem.__traceback__)[-1]
            reason = f"{type(problem).__name__} at {Path(place.filename).name}:{place.lineno}"
            if reason not in reasons:
                reasons.add(reason)
                broken += 1
                report(f"{name}: {reason}: {str(problem)[:200]}\n    kept as {keep(name, data).relative_to(ROOT)}")
    report(f"{name}: {runs} inputs, {len(pool)} of them reached something new, {broken} broke it")
    return broken


def under_atheris(name: str, seconds: float) -> int:
    """The target in a process of its own; libFuzzer ends that process."""
    folder = FOUND / name
    folder.mkdir(parents=True, exist_ok=True)
    words = "\n".join(f'"{"".join(f"{chr(92)}x{byte:02x}" for byte in piece)}"' for piece in PIECES if len(piece) < 60)
    with tempfile.TemporaryDirectory() as pool:
        dictionary = Path(pool) / "words.dict"
        dictionary.write_text(words + "\n")
        grown = Path(pool) / "grown"
        grown.mkdir()
        for number, seed in enumerate(seeds(name)):
            (grown / f"seed{number}").write_bytes(seed)
        command = [
            sys.executable,
            str(Path(__file__).with_name("under_atheris.py")),
            name,
            str(grown),
            str(folder),
        ]
        command += [f"-max_total_time={int(seconds)}", f"-artifact_prefix={folder}/", f"-dict={dictionary}"]
        command += [f"-max_len={MOST_BYTES}", "-timeout=10", "-rss_limit_mb=2048", "-verbosity=0"]
        return int(subprocess.run(command, check=False, cwd=ROOT).returncode != 0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--target", choices=TARGETS)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--engine", choices=("atheris", "own"), default="atheris" if find_spec("atheris") else "own")
    args = parser.parse_args()
    names = [args.target] if args.target else list(TARGETS)
    print(f"{len(names)} targets, engine: {args.engine}, seed {args.seed}", flush=True)
    broken = 0
    for name in names:
        seconds = args.seconds / len(names)
        if args.engine == "atheris":
            broken += under_atheris(name, seconds)
            print(f"{name}: {seconds:.0f} s", flush=True)
        else:
            broken += search(name, seconds, args.seed, lambda line: print(line, flush=True))
    print("nothing broke" if not broken else f"{broken} broke: see tests/fuzz/found")
    raise SystemExit(bool(broken))


if __name__ == "__main__":
    main()

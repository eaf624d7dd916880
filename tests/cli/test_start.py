"""What is loaded before a command answers and a switch takes calls: people wait for it, and it stays in memory."""

from __future__ import annotations

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("softswitch.cli.commands", ["aiohttp", "asyncio", "numpy", "soundfile", "sqlalchemy", "yaml"]),
        ("softswitch.app.switch", ["numpy", "soundfile", "soxr"]),
    ],
)
def test_only_what_it_needs_is_loaded(module: str, heavy: list[str]) -> None:
    code = f"import sys, {module}; print([each for each in {heavy} if each in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"

"""The configuration written for the workload is what the switch accepts and the workload expects."""

from __future__ import annotations

import subprocess
import sys
import wave
from pathlib import Path

from bank_of import Bank, write_bank


def test_the_switch_accepts_it(tmp_path: Path) -> None:
    write_bank(tmp_path / "bank", Bank(agents=3))
    command = [sys.executable, "-m", "softswitch", "check", str(tmp_path / "bank")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_prompt_is_one_second_long(tmp_path: Path) -> None:
    write_bank(tmp_path / "bank", Bank(agents=1))
    with wave.open(str(tmp_path / "bank" / "second.wav")) as prompt:
        assert (prompt.getnframes(), prompt.getframerate(), prompt.getnchannels()) == (8000, 8000, 1)


def test_passwords_follow_the_numbers_and_old_state_goes(tmp_path: Path) -> None:
    bank = tmp_path / "bank"
    write_bank(bank, Bank(agents=2))
    (bank / "line.db").write_text("an earlier run")
    write_bank(bank, Bank(agents=2))
    assert not (bank / "line.db").exists()
    assert (bank / "secrets" / "1002").read_text() == "pw1002"

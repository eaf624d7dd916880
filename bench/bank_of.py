"""Writes the configuration that the standard call-queue workload asks for, with any number of agents.

    python bench/bank_of.py DIRECTORY --agents 450 [--sip-port 5060] [--http-port 8060] [--sticky]

Agents 1001, 1002, ... with password pw<number> (one file each under secrets/), queue `bank` without wrap-up, trunk
127.0.0.2, realm 127.0.0.1; DID 8000 plays a prompt of one second before the queue, 8001 none, 8002 as 8000 (recording
is not there yet). All audio is made here, so that no speech engine is needed.
"""

from __future__ import annotations

import argparse
import math
import shutil
import struct
import wave
from dataclasses import dataclass
from pathlib import Path

FIRST_EXTENSION = 1001
RATE = 8000


@dataclass(frozen=True)
class Bank:
    agents: int = 450
    sip_port: int = 5060
    http_port: int = 8060
    first_rtp_port: int = 20000
    last_rtp_port: int = 29999
    sticky: bool = False  # ask for the previous agent of each caller, which no peer does


def line_yaml(bank: Bank) -> str:
    return f"""\
# The bench line: everything on 127.0.0.1, the gateway of the load generator on 127.0.0.2.
line: {{ name: Bench Bank, languages: [en], timezone: UTC, domain: 127.0.0.1 }}
listen: [udp://127.0.0.1:{bank.sip_port}]
api: http://127.0.0.1:{bank.http_port}
database: sqlite:///{{here}}/line.db
sip: {{ qualify: off }}   # as the peers are measured
media: {{ address: 127.0.0.1, ports: {bank.first_rtp_port}..{bank.last_rtp_port}, silence: {{ alarm: off }} }}
prompts: {{ cache: {{here}}/prompts, tts: none }}
trunks:
  gateway: {{ from: [127.0.0.2], to: "127.0.0.2:5080", max_calls: 5000 }}
numbers:
  "8000": {{ flow: greeted }}
  "8001": {{ flow: straight }}
  "8002": {{ flow: greeted }}
flows:
  greeted:
    steps:
      - say: {{ en: {{ file: second.wav }} }}
      - queue: bank
  straight:
    steps:
      - queue: bank
"""


def queues_yaml(bank: Bank) -> str:
    texts = ("please_wait", "position", "wait_for_agent", "connecting", "nobody_there", "sorry_gone")
    silent = "\n".join(f"      {name}: {{ en: {{ file: silence.wav }} }}" for name in texts)
    return f"""\
queues:
  bank:
    wrap_up: 0s
    ring: 20s
    nobody_there: wait
    sticky: {"{}" if bank.sticky else "off"}
    while_waiting: {{ say_position: never }}
    texts:
{silent}
"""


def people_yaml(bank: Bank) -> str:
    lines = [
        f"  a{extension}: {{ name: Agent {extension}, extension: {extension}, queues: [bank],"
        f" password: {{ file: secrets/{extension} }}, spoken: {{ en: {{ file: silence.wav }} }} }}"
        for extension in range(FIRST_EXTENSION, FIRST_EXTENSION + bank.agents)
    ]
    return "\n".join(["agents:", *lines, ""])


def write_wave(path: Path, seconds: float, hertz: float) -> None:
    """A tone (0 Hz: silence), 16 bits, 8 kHz."""
    count = int(seconds * RATE)
    samples = [int(8000 * math.sin(2 * math.pi * hertz * n / RATE)) for n in range(count)]
    with wave.open(str(path), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        out.writeframes(struct.pack(f"<{count}h", *samples))


def write_bank(directory: Path, bank: Bank) -> None:
    """Write it all, in place of what was there (also the database of an earlier run)."""
    shutil.rmtree(directory, ignore_errors=True)
    secrets = directory / "secrets"
    secrets.mkdir(parents=True)
    here = directory.resolve().as_posix()
    (directory / "line.yaml").write_text(line_yaml(bank).replace("{here}", here))
    (directory / "queues.yaml").write_text(queues_yaml(bank))
    (directory / "people.yaml").write_text(people_yaml(bank))
    for extension in range(FIRST_EXTENSION, FIRST_EXTENSION + bank.agents):
        (secrets / str(extension)).write_text(f"pw{extension}")
    write_wave(directory / "second.wav", 1.0, 440.0)
    write_wave(directory / "silence.wav", 0.02, 0.0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("directory", type=Path)
    parser.add_argument("--agents", type=int, default=450)
    parser.add_argument("--sip-port", type=int, default=5060)
    parser.add_argument("--http-port", type=int, default=8060)
    parser.add_argument("--sticky", action="store_true", help="ask for the previous agent of each caller")
    args = parser.parse_args()
    if args.directory.exists() and any(args.directory.iterdir()) and not (args.directory / "secrets").is_dir():
        raise SystemExit(f"{args.directory} holds something else; name a new directory")
    write_bank(args.directory, Bank(args.agents, args.sip_port, args.http_port, sticky=args.sticky))
    print(f"{args.agents} agents -> {args.directory}; start it with: softswitch run {args.directory}")


if __name__ == "__main__":
    main()

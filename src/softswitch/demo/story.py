"""`softswitch demo`: a bank's line at work, with real SIP phones of another maker, every step checked.

    phones A, B, C --- gateway 127.0.0.2 ---\\
                                              switch (a process) --- phones of Anna, Mart, Li
                    REGISTER, INVITE, RTP ---/

Each phone is a process (`demo.phone`), the switch is a process (`demo.switch`), and what the callers and agents hear
is compared with what they should hear (`demo.listen`). The steps are in `acts_calls` and `acts_restart`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import structlog
from rich.console import Console

from softswitch.call.errors import StartError
from softswitch.demo import acts_calls, acts_restart
from softswitch.demo.follow import follow
from softswitch.demo.gateway import HOST as GATEWAY_HOST
from softswitch.demo.gateway import Gateway
from softswitch.demo.listen import Recording
from softswitch.demo.phones import PhoneTrouble, Rack
from softswitch.demo.ports import free_port
from softswitch.demo.scene import Party, Scene
from softswitch.demo.steps import Report, run_steps
from softswitch.demo.switch import HOST, Ports, Switch, SwitchTrouble, new_password

STEPS = (*acts_calls.STEPS, *acts_restart.STEPS)

# name, agent id, extension, the tone that stands for the voice
_AGENTS = (("Anna", "anna", "1001", 440), ("Mart", "mart", "1002", 560), ("Li", "li", "1003", 680))
_CALLERS = (("A", "+3725550101", 800), ("B", "+3725550102", 920), ("C", "+3725550103", 1040))


@contextlib.asynccontextmanager
async def stage(directory: Path) -> AsyncIterator[tuple[Scene, Rack, Gateway]]:
    """The phones and the gateway, ready; the switch, configured but not started. All gone afterwards."""
    ports = Ports()
    switch = Switch(directory, ports)
    phone_ports = {name: free_port(HOST) for name, _, _ in _CALLERS}
    numbers = {number: (HOST, phone_ports[name]) for name, number, _ in _CALLERS}
    async with Rack(directory) as rack, Gateway((HOST, ports.sip), numbers) as gateway:
        await gateway.start(ports.gateway)
        try:
            handsets = dict(
                zip(
                    ("Anna", "Mart", "Li", "A", "B", "C", "Stranger"),
                    await asyncio.gather(
                        *(rack.phone(name) for name in ("Anna", "Mart", "Li")),
                        *(rack.phone(name, port=phone_ports[name]) for name in ("A", "B", "C")),
                        rack.phone("Stranger"),
                    ),
                    strict=True,
                )
            )
            agents = [Party(name, handsets[name], hertz, id, user) for name, id, user, hertz in _AGENTS]
            callers = [Party(name, handsets[name], hertz, number) for name, number, hertz in _CALLERS]
            for party in (*agents, *callers):
                await party.phone.tone(party.hertz)
            for caller in callers:
                await caller.phone.order("account", user=caller.id, domain=f"{GATEWAY_HOST}:{ports.gateway}")
            scene = Scene(switch, agents, callers, handsets["Stranger"])
            scene.passwords = {agent.id: new_password() for agent in agents}
            switch.prepare({f"{id.upper()}_PASSWORD": word for id, word in scene.passwords.items()})
            yield scene, rack, gateway
        finally:
            await switch.close()


def keep_evidence(directory: Path, keep: Path) -> None:
    """What everybody heard, as WAV files, and the logs."""
    keep.mkdir(parents=True, exist_ok=True)
    for pcm in sorted(directory.glob("*.pcm")):
        Recording.read(pcm, 0.0).save(keep / f"{pcm.stem}.wav")
    for name in ("switch.log", "line.db"):
        if (directory / name).exists():
            shutil.copy(directory / name, keep / name)
    for log in directory.glob("*.log"):
        if log.stat().st_size:
            shutil.copy(log, keep / log.name)
    if (directory / "journal").is_dir():
        shutil.copytree(directory / "journal", keep / "journal", dirs_exist_ok=True)


async def play(console: Console, out: Console, once: bool, as_json: bool, keep: Path | None) -> Report:
    """The whole evening: stage, steps, table, and (without `once`) the open house afterwards."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, _cancel, asyncio.current_task())
    with tempfile.TemporaryDirectory(prefix="softswitch-demo-") as temporary:
        directory = Path(temporary)
        try:
            async with stage(directory) as (scene, _, gateway):
                report = await run_steps(STEPS, scene, scene.notes, scene.tidy_up, console)
                show(report, out, as_json)
                if not once and report.results[0].ok:
                    await follow(scene, gateway, out if not as_json else console)
        finally:
            if keep is not None:
                keep_evidence(directory, keep)
                console.print(f"What everybody heard, and the logs: {keep}")
    return report


def _cancel(task: asyncio.Task[object] | None) -> None:
    if task is not None:
        task.cancel()


def show(report: Report, out: Console, as_json: bool) -> None:
    if as_json:
        print(json.dumps(report.as_json(), indent=2, ensure_ascii=False), flush=True)
        return
    out.print(report.ladder(out.width))
    out.print()
    out.print(report.table())
    steps = len(report.results)
    good = sum(result.ok for result in report.results)
    out.print(f"{good} of {steps} steps as expected, {report.seconds:.0f} s.", style="bold")


def main(once: bool, as_json: bool, keep: str | None) -> int:
    """Play the story; 0 when every step was as expected, 1 otherwise."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    try:
        import baresip  # noqa: F401  (in the phones' processes; here only to say so when it is missing)
    except ImportError:
        raise StartError("the demo needs the phones of baresip-python: pip install 'softswitch[demo]'") from None
    console, out = Console(stderr=True), Console()
    try:
        report = asyncio.run(play(console, out, once, as_json, Path(keep) if keep else None))
    except (SwitchTrouble, PhoneTrouble, OSError) as error:
        raise StartError(f"the demo cannot be staged: {error}") from error
    except asyncio.CancelledError:
        return 143
    return 0 if report.ok else 1

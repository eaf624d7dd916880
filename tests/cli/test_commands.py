"""run, check, schema, version: exit status, and one sentence when it cannot be done."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from softswitch.demo.ports import free_range

SECRETS = {"ANNA_PASSWORD": "correct horse", "MART_PASSWORD": "battery staple"}


@pytest.fixture
def line(project: Path, tmp_path: Path) -> Path:
    """A copy of the smallest line."""
    return Path(shutil.copytree(project / "configs" / "minimal", tmp_path / "line"))


@pytest.fixture
def options(free_port: Callable[[], int], tmp_path: Path) -> dict[str, str]:
    first, last = free_range(20)
    return {
        "--listen": f"udp://127.0.0.1:{free_port()}",
        "--http": f"127.0.0.1:{free_port()}",
        "--database": f"sqlite:///{tmp_path / 'line.db'}",
        "--rtp-ports": f"{first}..{last}",
    }


def flat(options: dict[str, str]) -> list[str]:
    return [word for pair in options.items() for word in pair]


# ------------------------------------------------------------------ check and schema


async def test_check_of_a_good_line(cli: Any, line: Path) -> None:
    seen = await cli("check", line)
    assert (seen.status, seen.out, seen.err) == (0, f"{line}: no problems.\n", "")


async def test_check_names_every_mistake(cli: Any, line: Path) -> None:
    text = (line / "line.yaml").read_text()
    (line / "line.yaml").write_text(
        text.replace("queues: [sales]", "queues: [sails]").replace("wrap_up: 15s", "rap_up: 1")
    )
    seen = await cli("check", line)
    assert seen.status == 1
    problems = seen.out.splitlines()
    assert len(problems) == 3
    assert all(problem.startswith("line.yaml:") and "did you mean" in problem for problem in problems)
    assert seen.err == f"softswitch: {line} has 3 problems.\n"


async def test_check_of_nothing(cli: Any, tmp_path: Path) -> None:
    seen = await cli("check", tmp_path / "nowhere")
    assert seen.status == 1
    assert "Traceback" not in seen.err


@pytest.mark.parametrize(("file", "property"), [((), "queues"), (("--file", "flows/welcome.yaml"), "steps")])
async def test_schema(cli: Any, file: tuple[str, ...], property: str) -> None:
    seen = await cli("schema", *file)
    assert seen.status == 0
    assert property in json.loads(seen.out)["properties"]


async def test_schema_of_no_file(cli: Any) -> None:
    seen = await cli("schema", "--file", "people.txt")
    assert seen.status == 2
    assert "people.txt is no file of a configuration" in seen.sentence()


# ------------------------------------------------------------------ the usual


async def test_version(cli: Any) -> None:
    seen = await cli("version")
    assert (seen.status, seen.out.count(".")) == (0, 2)


async def test_help_names_every_command(cli: Any) -> None:
    seen = await cli("--help")
    assert seen.status == 0
    for command in ("run", "check", "schema", "demo", "agents", "queues", "calls", "version"):
        assert f" {command} " in seen.out


async def test_an_unknown_command(cli: Any) -> None:
    seen = await cli("frobnicate")
    assert seen.status == 2
    assert "Traceback" not in seen.err


async def test_help_loads_no_room(tmp_path: Path) -> None:
    """The command line starts at once: neither SQL nor HTTP nor the cores are loaded before a command needs them."""
    code = (
        "import sys, softswitch.cli.commands\n"
        "print([name for name in ('sqlalchemy', 'aiohttp', 'numpy', 'pydantic', 'yaml', 'softswitch.config',"
        " 'softswitch.app', 'softswitch.store', 'softswitch.call') if name in sys.modules])"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert out.decode().strip() == "[]"


# ------------------------------------------------------------------ a switch that cannot start


async def test_run_with_a_mistake_in_the_yaml(cli: Any, line: Path, options: dict[str, str]) -> None:
    (line / "line.yaml").write_text("line: { name: X\n")
    seen = await cli("run", line, *flat(options), **SECRETS)
    assert seen.status == 2
    assert seen.sentence().startswith("The configuration cannot be used: line.yaml:1:")


async def test_run_with_several_mistakes(cli: Any, line: Path, options: dict[str, str]) -> None:
    text = (line / "line.yaml").read_text()
    (line / "line.yaml").write_text(text.replace("queues: [sales]", "queues: [sails]"))
    seen = await cli("run", line, *flat(options), **SECRETS)
    assert seen.status == 2
    assert "has 2 problems (softswitch check" in seen.sentence()


async def test_run_without_a_secret(cli: Any, line: Path, options: dict[str, str]) -> None:
    seen = await cli("run", line, *flat(options), ANNA_PASSWORD="correct horse")
    assert seen.status == 2
    assert "MART_PASSWORD" in seen.sentence()
    both = (await cli("run", line, *flat(options))).sentence()
    # `check` does not look for secrets, so it is not named as the place to read on.
    assert "ANNA_PASSWORD" in both and "MART_PASSWORD" in both and "softswitch check" not in both


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--listen", "udp:5060"),
        ("--http", "here"),
        ("--database", "mysql://line"),
        ("--rtp-ports", "20000"),
    ],
)
async def test_run_with_a_bad_option(cli: Any, line: Path, options: dict[str, str], option: str, value: str) -> None:
    seen = await cli("run", line, *flat(options | {option: value}), **SECRETS)
    assert seen.status == 2
    assert option in seen.sentence()


def last_sentence(err: str) -> str:
    """The log may speak before; the last line says why."""
    assert "Traceback" not in err
    last = err.splitlines()[-1]
    assert last.startswith("softswitch: ")
    return last


@pytest.mark.parametrize("kind", ["--http", "--listen"])
async def test_run_on_a_taken_port(cli: Any, line: Path, options: dict[str, str], kind: str) -> None:
    port = int(options[kind].rpartition(":")[2])
    what = socket.SOCK_STREAM if kind == "--http" else socket.SOCK_DGRAM
    with socket.socket(socket.AF_INET, what) as taken:
        taken.bind(("127.0.0.1", port))
        if kind == "--http":
            taken.listen()
        seen = await cli("run", line, *flat(options), **SECRETS)
    assert seen.status == 2
    assert str(port) in last_sentence(seen.err)


async def test_run_without_its_database(
    cli: Any, line: Path, options: dict[str, str], free_port: Callable[[], int]
) -> None:
    options["--database"] = f"postgresql://line:geheim@127.0.0.1:{free_port()}/line"
    seen = await cli("run", line, *flat(options), **SECRETS)
    assert seen.status == 2
    assert "refused" in last_sentence(seen.err)
    assert "geheim" not in seen.err


async def test_run_on_a_newer_database(cli: Any, line: Path, options: dict[str, str], tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "line.db")) as connection:
        connection.execute("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.execute("INSERT INTO alembic_version VALUES ('9001')")
        connection.commit()
    seen = await cli("run", line, *flat(options), **SECRETS)
    assert seen.status == 2
    assert "migration 9001, which is newer" in last_sentence(seen.err)


async def test_run_with_an_unreadable_prompt(cli: Any, line: Path, options: dict[str, str]) -> None:
    text = (line / "line.yaml").read_text()
    (line / "line.yaml").write_text(text.replace("wrap_up: 15s", "while_waiting: { music: hello.wav }"))
    (line / "hello.wav").write_bytes(b"RIFF of nothing")
    seen = await cli("run", line, *flat(options), **SECRETS)
    assert seen.status == 2
    assert "hello.wav" in last_sentence(seen.err)


async def test_run_until_sigterm(line: Path, options: dict[str, str], tmp_path: Path, cli: Any) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "softswitch", "run", str(line), *flat(options)),
        cwd=tmp_path,
        env={**SECRETS, "PATH": "/usr/bin:/bin"},
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said: list[bytes] = []
    async with asyncio.timeout(120):
        while not said or b"ready" not in said[-1] or b"prompts" in said[-1]:
            said.append(await process.stderr.readline())
            assert said[-1], f"the switch ended before it was ready: {b''.join(said).decode()}"
    seen = await cli("agents", "--url", f"http://{options['--http']}", "--json")
    assert [agent["agent"] for agent in json.loads(seen.out)["agents"]] == ["anna", "mart"]
    process.send_signal(signal.SIGTERM)
    _, err = await process.communicate()
    assert process.returncode == 0, err.decode()

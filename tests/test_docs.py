"""The documentation is run: marked commands are executed, shown output is compared, links and file names must exist.

A fenced block whose info string contains the word `test` is executed from the top of the project:

    ```console test            each line that begins with "$ " is a command for bash; the lines below it are what it
    $ softswitch --help        prints. "..." alone stands for any lines, inside a line for any characters. Without
    Usage: ...                 shown lines only the exit status counts. "$ command  # exits 1" expects that status.
    ```
    ```bash test               the whole block is one script that must exit with 0
    ```
    ```yaml test               one file that the configuration loader accepts (`softswitch check`)
    ```

Commands run with the environment's programs first in PATH and a directory of their own as $TMP.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^`\n]*)\n(?P<body>.*?)^(?P=indent)```[ ]*$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]\n]*\]\((?P<target>[^)\s]+)\)")
EXITS = re.compile(r"\s+# exits (\d+)$")
COMMAND_SECONDS = 120


@dataclass(frozen=True)
class Block:
    page: Path
    line: int
    info: tuple[str, ...]
    body: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> list[Block]:
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, m.start()) + 1, tuple(m["info"].split()), m["body"])
        for m in FENCE.finditer(text)
    ]


ALL_BLOCKS = [block for page in PAGES for block in blocks(page)]
MARKED = [block for block in ALL_BLOCKS if "test" in block.info[1:]]


def run(command: str, directory: Path) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "TMP": str(directory), "NO_COLOR": "1", "COLUMNS": "100", "TERM": "dumb"}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_SECONDS,
    )


def as_pattern(shown: list[str]) -> re.Pattern[str]:
    lines = [
        r"(?:.*\n)*?" if line.strip() == "..." else r".*?".join(map(re.escape, line.rstrip().split("..."))) + r"[ ]*\n"
        for line in shown
    ]
    return re.compile("".join(lines))


def check_console(block: Block, directory: Path) -> None:
    """Each "$ " line with what is shown below it."""
    steps: list[tuple[str, list[str]]] = []
    for line in block.body.splitlines():
        if line.startswith("$ "):
            steps.append((line[2:], []))
        elif steps:
            steps[-1][1].append(line)
    assert steps, f"{block}: no command begins with '$ '"
    for command, shown in steps:
        wanted = int(found[1]) if (found := EXITS.search(command)) else 0
        done = run(EXITS.sub("", command), directory)
        assert done.returncode == wanted, f"{block}: '{command}' exited {done.returncode}\n{done.stdout}"
        while shown and not shown[-1].strip():
            shown.pop()
        if shown:
            printed = "".join(line.rstrip() + "\n" for line in done.stdout.splitlines())
            assert as_pattern(shown).fullmatch(printed), f"{block}: '{command}' printed\n{printed}"


@pytest.mark.parametrize("block", MARKED, ids=str)
def test_marked_blocks_run(block: Block, tmp_path: Path) -> None:
    match block.info[0]:
        case "console":
            check_console(block, tmp_path)
        case "bash" | "sh":
            done = run(block.body, tmp_path)
            assert done.returncode == 0, f"{block}: exited {done.returncode}\n{done.stdout}"
        case "yaml":
            (tmp_path / "line.yaml").write_text(block.body, encoding="utf-8")
            done = run('softswitch check "$TMP"', tmp_path)
            assert done.returncode == 0, f"{block}: {done.stdout}"
        case other:
            pytest.fail(f"{block}: a block of kind '{other}' cannot be run")


@pytest.mark.parametrize("block", [b for b in ALL_BLOCKS if b.info[:1] in (("yaml",), ("json",))], ids=str)
def test_shown_data_can_be_read(block: Block) -> None:
    if block.info[0] == "json":
        for line in filter(None, block.body.splitlines()) if "lines" in block.info else [block.body]:
            json.loads(line)
    else:
        list(yaml.safe_load_all(block.body))


def anchor(heading: str) -> str:
    """How a page's headings are addressed: lower case, spaces to dashes, other marks dropped."""
    plain = re.sub(r"[`*_]", "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    return {anchor(m[1]) for m in re.finditer(r"^#{1,6} +(.+)$", text, re.MULTILINE)}


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for match in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
        target, _, fragment = match["target"].partition("#")
        if re.match(r"[a-z]+:", target):
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists():
            broken.append(f"{match['target']}: no such file")
        elif fragment and there.suffix == ".md" and fragment not in anchors(there):
            broken.append(f"{match['target']}: no such heading")
    assert not broken, f"{page.name}: {broken}"


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_named_source_files_exist(page: Path) -> None:
    """`src/softswitch/...`, `runtime/driver.py` and the like, in back-quotes, must be there."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    tops = ("", "src/softswitch", "tests", "bench", "tools", "configs", "docs")
    missing = [
        name
        for name in re.findall(r"`((?:[\w.-]+/)+[\w.-]+\.(?:py|md|yaml|sh|toml|txt))`", text)
        if not name.startswith(("..", "var/")) and not any((ROOT / top / name).exists() for top in tops)
    ]
    assert not missing, f"{page.name} names {missing}"


def test_make_targets_that_are_named_exist() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for page in PAGES:
        named = set(re.findall(r"`make ([a-z][a-z-]*)", page.read_text(encoding="utf-8")))
        assert named <= targets, f"{page.name} names {sorted(named - targets)}"

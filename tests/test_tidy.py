"""The rules of the house that a linter does not know: sizes, names, docstrings, pure cores, no sleeps, no hosts.

A rule that has to bend is changed here, in a commit that says why; there is no list of exempted files. The one
distinction is the kind of a module: one whose docstring calls it a table (its first line contains the word
"table") holds rows and no decisions, and may be longer.
"""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "src" / "softswitch"

MAX_LINES = 500
MAX_TABLE_LINES = 800
MAX_FUNCTION_LINES = 60
MAX_ATTRIBUTES = 12

FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "managers", "common", "misc", "tools"}

# Rooms that know no clock, no network and no database (docs/architecture.md). In `media` it is everything but the
# worker, which is a process of its own.
PURE = ("sip", "acd", "ivr", "call", "media", "ids.py")
IMPURE_IN_MEDIA = ("media/worker",)
BANNED_IN_CORES = {
    "asyncio",
    "socket",
    "selectors",
    "select",
    "threading",
    "multiprocessing",
    "subprocess",
    "time",
    "random",
    "secrets",
    "uuid",
    "sqlalchemy",
    "aiohttp",
    "uvloop",
}
# Where wall-clock time and new identities may be asked for: the edge.
EDGE = ("runtime/", "app", "demo", "cli", "web/", "store/", "media/worker/", "__main__.py")
CLOCK_CALLS = {
    ("datetime", "now"),
    ("datetime", "utcnow"),
    ("datetime", "today"),
    ("date", "today"),
    ("uuid", "uuid4"),
    ("uuid", "uuid1"),
}


@cache
def tracked() -> tuple[Path, ...]:
    """Every file of the project: what git knows, and what it would take (so a new file is judged before its commit)."""
    try:
        listed = subprocess.run(
            ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            check=True,
            capture_output=True,
        ).stdout.decode()
        names = [ROOT / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):  # an unpacked archive
        skip = {".git", ".venv", "__pycache__"}
        names = [p for p in ROOT.rglob("*") if not skip & set(p.relative_to(ROOT).parts)]
    return tuple(sorted(path for path in names if path.is_file()))


def python_files(*tops: str) -> list[Path]:
    wanted = tuple(ROOT / top for top in tops)
    return [p for p in tracked() if p.suffix == ".py" and any(p.is_relative_to(top) for top in wanted)]


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), str(path))


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def is_table(path: Path) -> bool:
    first = (ast.get_docstring(tree(path)) or "").split("\n", 1)[0]
    return bool(re.search(r"\btables?\b", first, re.IGNORECASE))


def report(found: list[str]) -> None:
    assert not found, "\n" + "\n".join(found)


ALL = ("src", "tests", "bench", "tools")


# ------------------------------------------------------------------ sizes


def test_no_file_is_too_long() -> None:
    long = []
    for path in python_files(*ALL):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        limit = MAX_TABLE_LINES if is_table(path) else MAX_LINES
        if lines > limit:
            long.append(f"{name_of(path)}: {lines} lines, the limit is {limit}")
    report(long)


def test_no_function_is_too_long() -> None:
    long = []
    for path in python_files(*ALL):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                lines = (node.end_lineno or node.lineno) - node.lineno + 1
                if lines > MAX_FUNCTION_LINES:
                    long.append(
                        f"{name_of(path)}:{node.lineno}: {node.name}: {lines} lines, at most {MAX_FUNCTION_LINES}"
                    )
    report(long)


def attributes(cls: ast.ClassDef) -> set[str]:
    """What an instance carries: everything assigned to self.x, or listed in __slots__."""
    found: set[str] = set()
    for node in ast.walk(cls):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if isinstance(node.value, ast.Name) and node.value.id == "self":
                found.add(node.attr)
        elif isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "__slots__" for t in node.targets
        ):
            found |= {c.value for c in ast.walk(node.value) if isinstance(c, ast.Constant) and isinstance(c.value, str)}
    return found


def is_record(cls: ast.ClassDef) -> bool:
    """Dataclasses, named tuples, schema models and ORM rows are records: their fields are data, not behaviour."""
    decorators = {d for node in cls.decorator_list for d in names_in(node)}
    bases = {b for node in cls.bases for b in names_in(node)}
    return bool({"dataclass"} & decorators) or bool({"NamedTuple", "TypedDict", "BaseModel", "Base", "Model"} & bases)


def names_in(node: ast.AST) -> set[str]:
    return {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} | {
        n.attr for n in ast.walk(node) if isinstance(n, ast.Attribute)
    }


def test_no_class_carries_too_much() -> None:
    wide = []
    for path in python_files("src"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.ClassDef) and not is_record(node):
                count = len(attributes(node))
                if count > MAX_ATTRIBUTES:
                    wide.append(
                        f"{name_of(path)}:{node.lineno}: {node.name}: {count} attributes, at most {MAX_ATTRIBUTES}"
                    )
    report(wide)


# ------------------------------------------------------------------ names and words


def test_no_module_is_a_drawer_for_everything() -> None:
    report(
        [
            f"{name_of(path)}: say what it is for, not '{part}'"
            for path in python_files("src", "tests", "bench")
            for part in {*path.relative_to(ROOT).parts[1:-1], path.stem}
            if part in FORBIDDEN_NAMES
        ]
    )


def test_every_module_says_what_it_is_for() -> None:
    report(
        [
            f"{name_of(path)}: begins without a docstring"
            for path in python_files(*ALL)
            if path.read_text(encoding="utf-8").strip() and len(ast.get_docstring(tree(path)) or "") < 12
        ]
    )


# Written in halves, so that this file does not find itself.
FORBIDDEN_TEXT = [
    re.compile(pattern)
    for pattern in (
        "pypi" + r"\.org",
        "python" + r"hosted\.org",
        "registry" + r"\.npmjs\.org",
        "deb" + r"\.debian\.org",
        "files" + r"\.pythonhosted",
        "/wo" + r"rk/",
        r"/root" + r"/",
        r"/ho" + r"me/[a-z]",
    )
]


def test_nothing_names_a_package_host_or_a_path_of_one_machine() -> None:
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" in data[:4096]:
            continue
        for number, line in enumerate(data.decode("utf-8", "replace").splitlines(), 1):
            found += [
                f"{name_of(path)}:{number}: {hit.group()}" for hit in (p.search(line) for p in FORBIDDEN_TEXT) if hit
            ]
    report(found)


def test_no_secret_is_written_into_the_configuration() -> None:
    key = re.compile(r"^\s*(password|secret|token|api_key)\s*:\s*(?!\{\s*(env|file)\s*:)\S", re.IGNORECASE)
    found = []
    for path in tracked():
        if path.is_relative_to(ROOT / "configs") and path.suffix in (".yaml", ".yml"):
            for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                if key.match(line) and not re.match(r"^\s*secret\s*:\s*(true|false)\b", line):
                    found.append(f"{name_of(path)}:{number}: secrets come as {{env: NAME}} or {{file: PATH}}")
    report(found)


# ------------------------------------------------------------------ pure cores


def imports(module: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module


def in_room(path: Path, *rooms: str) -> bool:
    inside = path.relative_to(SOURCE).as_posix()
    return any(inside == room or inside.startswith(room.rstrip("/") + "/") for room in rooms)


def test_cores_import_no_clock_network_or_database() -> None:
    report(
        [
            f"{name_of(path)}:{line}: a pure core imports {module}"
            for path in python_files("src/softswitch")
            if in_room(path, *PURE) and not in_room(path, *IMPURE_IN_MEDIA)
            for line, module in imports(tree(path))
            if module.split(".")[0] in BANNED_IN_CORES
        ]
    )


def test_wall_clock_and_new_identities_only_at_the_edge() -> None:
    found = []
    for path in python_files("src/softswitch"):
        if path.relative_to(SOURCE).as_posix().startswith(EDGE):
            continue
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                owner = node.func.value
                base = (
                    owner.id if isinstance(owner, ast.Name) else owner.attr if isinstance(owner, ast.Attribute) else ""
                )
                if (base, node.func.attr) in CLOCK_CALLS:
                    found.append(f"{name_of(path)}:{node.lineno}: {base}.{node.func.attr}() is for the edge")
    report(found)


def test_the_walls_between_the_rooms_stand() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    if not command.exists():
        pytest.skip("import-linter is not installed here")
    done = subprocess.run([str(command), "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# ------------------------------------------------------------------ tests


def test_no_test_sleeps() -> None:
    """Wait for the event, or drive a fake clock. `asyncio.sleep(0)` only lets others run, and is allowed."""
    found = []
    for path in python_files("tests"):
        for node in ast.walk(tree(path)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sleep":
                first = node.args[0] if node.args else None
                if not (isinstance(first, ast.Constant) and first.value == 0):
                    found.append(f"{name_of(path)}:{node.lineno}: a sleep in a test")
    report(found)


def test_tests_mirror_the_source() -> None:
    """tests/<room>/ exists only for rooms that exist (or for a kind of test that crosses the rooms)."""
    across = {"wire", "prompts", "sim", "interop", "fuzz", "bench", "data", "end_to_end", "wall", "rfc4475"}
    rooms = {path.name for path in SOURCE.iterdir()} | {path.stem for path in SOURCE.iterdir()}
    tests = {path.relative_to(ROOT).parts[1] for path in python_files("tests") if len(path.relative_to(ROOT).parts) > 2}
    report([f"tests/{name}: no such room" for name in sorted(tests - rooms - across)])

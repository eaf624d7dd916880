"""`softswitch import`: the queues of another switch as a configuration directory, and a report of every setting.

Nothing that exists is overwritten: the directory has to be new or empty. A file that cannot be read ends with one
sentence for each mistake, like `queues.conf:12: ...`, status 2, and nothing written.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

if TYPE_CHECKING:
    from rich.table import Table

    from softswitch.config.migration import Fate, Imported, Source

MAX_FILES = 10_000
MAX_PLACE = 24  # characters of `queues.conf:12` that stay on one line

app = typer.Typer(
    name="import",
    help="Take queues and people over from Asterisk or FreeSWITCH, with a report of every setting.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
To = Annotated[Path, typer.Option("--to", metavar="DIR", help="The new configuration directory.")]
DEFAULT_TO = Path("imported")


@app.command()
def asterisk(
    queues: Annotated[
        Path, typer.Argument(metavar="QUEUES.CONF", help="Its queues; queuerules.conf beside it is read too.")
    ],
    agents: Annotated[
        list[Path] | None,
        typer.Option(
            "--agents", metavar="FILE", help="agents.conf, pjsip.conf or sip.conf, for the people. May be repeated."
        ),
    ] = None,
    to: To = DEFAULT_TO,
) -> None:
    """Read queues.conf of Asterisk."""
    from softswitch.config.migration import from_asterisk

    people = agents or []
    _import(to, lambda: from_asterisk(_source(queues), [_source(path) for path in people]))


@app.command()
def freeswitch(
    callcenter: Annotated[
        Path, typer.Argument(metavar="CALLCENTER.CONF.XML", help="The configuration of mod_callcenter.")
    ],
    to: To = DEFAULT_TO,
) -> None:
    """Read callcenter.conf.xml of FreeSWITCH."""
    from softswitch.config.migration import from_freeswitch

    _import(to, lambda: from_freeswitch(_source(callcenter)))


# ------------------------------------------------------------------ reading


class Folder(Mapping[str, bytes]):
    """The files of a directory by their names relative to it; nothing outside of it, whatever links say."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory.resolve()

    def _inside(self, name: str) -> Path | None:
        try:
            path = (self._directory / name).resolve()
            return path if path.is_relative_to(self._directory) and path.is_file() else None
        except (OSError, ValueError):  # a name that no file can have
            return None

    def __getitem__(self, name: str) -> bytes:
        from softswitch.config.migration.asterisk_syntax import MAX_BYTES

        path = self._inside(name)
        if path is None:
            raise KeyError(name)
        with path.open("rb") as file:
            return file.read(MAX_BYTES + 1)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._inside(name) is not None

    def __iter__(self) -> Iterator[str]:
        for count, path in enumerate(self._directory.rglob("*")):
            if count >= MAX_FILES:
                return
            if path.is_file():
                yield path.relative_to(self._directory).as_posix()

    def __len__(self) -> int:
        return sum(1 for _ in self)


def _source(path: Path) -> Source:
    from softswitch.config.migration import Source

    with path.open("rb"):  # a file that is not there is told as the operating system tells it
        pass
    real = path.resolve()
    return Source(real.name, Folder(real.parent))


# ------------------------------------------------------------------ writing


def _import(to: Path, read: Callable[[], Imported]) -> None:
    from softswitch.config import ConfigProblems, check

    try:
        imported = read()
        _write(to, imported.files)
        problems = check(to)
    except ConfigProblems as error:
        _tell(error)
    except OSError as error:
        _cannot(f"{error.filename or to}: {error.strerror or error}.")
    _show(imported)
    for problem in problems:
        print(f"{to}/{problem}")
    if problems:
        raise typer.Exit(1)
    print(f"{to}: no problems. Read {to / 'IMPORTED.md'}, fill in line.yaml.")


def _write(to: Path, files: Mapping[str, str]) -> None:
    to.mkdir(parents=True, exist_ok=True)
    if any(to.iterdir()):
        _cannot(f"{to} is not empty; name a new directory with --to.")
    for name, text in files.items():
        path = to / name
        path.parent.mkdir(exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(text)


def _cannot(sentence: str) -> NoReturn:
    print(f"softswitch: {sentence}", file=sys.stderr)
    raise typer.Exit(2)


def _tell(error: Exception) -> NoReturn:
    from softswitch.config import ConfigProblems
    from softswitch.config.migration import at

    assert isinstance(error, ConfigProblems)
    for problem in error.problems:
        print(f"{at(problem.place)}: {problem.message}", file=sys.stderr)
    raise typer.Exit(2)


# ------------------------------------------------------------------ the report


def _show(imported: Imported) -> None:
    from rich.console import Console

    from softswitch.config.migration import Fate
    from softswitch.config.migration.report import summary

    console = Console()
    for fate in (Fate.TAKEN, Fate.NONE, Fate.DECIDE):  # what is to be done stands last, where the eye is
        if imported.count(fate):
            console.print(_table(imported, fate))
            console.print()
    print(summary(imported))


def _table(imported: Imported, fate: Fate) -> Table:
    from rich.table import Table
    from rich.text import Text

    from softswitch.config.migration import Fate, at
    from softswitch.config.migration.report import setting_of

    rows = [one for one in imported.findings if one.fate is fate]
    style = {Fate.TAKEN: "green", Fate.DECIDE: "magenta", Fate.NONE: "cyan"}[fate]
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0), header_style="bold", title_justify="left")
    table.title = Text(f"{fate.value} ({imported.count(fate)})", style=f"bold {style}")
    table.add_column("place", overflow="fold", min_width=min(MAX_PLACE, max(len(at(one.place)) for one in rows)))
    for heading, ratio in (("setting", 6), ("here", 6), ("what it means", 8)):
        table.add_column(heading, overflow="fold", ratio=ratio)
    table.expand = True
    for one in rows:
        cells = (at(one.place), f"{one.owner}: {setting_of(one)}", one.becomes or "-", one.note)
        table.add_row(*map(Text, cells))
    return table

"""`softswitch recordings list | play | export | verify`: from the files, with or without a running switch."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softswitch.cli.options import AsJson, Directory, fail

if TYPE_CHECKING:
    from softswitch.runtime.recording_catalogue import Inventory, Known
    from softswitch.runtime.recording_shelf import Shelf

app = typer.Typer(help="Recordings: which there are, hear one, hand copies out, and check that all are as they were.")

Number = Annotated[str, typer.Argument(metavar="RECORDING", help="Its number, as `list` shows it.")]
By = Annotated[str, typer.Option("--by", metavar="NAME", help="Who listens; it is noted.")]
FORMATS = ("wav", "flac", "opus", "mp3")


@app.command(name="list")
def listing(
    directory: Directory,
    agent: Annotated[str, typer.Option("--agent", metavar="AGENT", help="Only hers.")] = "",
    call: Annotated[str, typer.Option("--call", metavar="INTERACTION", help="Only of this call.")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, max=100_000, help="The newest so many.")] = 50,
    as_json: AsJson = False,
) -> None:
    """Show what was recorded, the newest first; what was deleted too."""
    from softswitch.runtime.recording_catalogue import agents_of

    found = _shelf(directory).catalogue.newest(limit, agent, call)
    rows = [
        {
            **each.line,
            "agents": agents_of(each.line),
            "goes_on_from": each.goes_on_from or None,
            "deleted": bool(each.deleted),
        }
        for each in found
    ]
    if as_json:
        import json

        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    _table(rows)


def _table(rows: list[dict[str, Any]]) -> None:
    from datetime import UTC, datetime

    from rich.console import Console
    from rich.table import Table

    from softswitch.cli.floor import plain

    table = Table(box=None, header_style="bold")
    for name in ("recording", "began (UTC)", "seconds", "caller", "agents", "marks", "lost", "sealed", "file"):
        table.add_column(name, justify="right" if name in ("seconds", "lost") else "left", overflow="fold")
    for row in rows:
        began = datetime.fromtimestamp(row["began_at"], UTC).strftime("%Y-%m-%d %H:%M:%S")
        lost = sum(side["lost"] for side in row["sides"].values())
        file = "deleted" if row["deleted"] else row["path"]
        number = f"{row['recording']}, goes on from {row['goes_on_from']}" if row["goes_on_from"] else row["recording"]
        cells = (number, began, f"{row['seconds']:.1f}", row["caller"], ", ".join(row["agents"]))
        table.add_row(*map(plain, (*cells, str(len(row["marks"])), str(lost), row["key"] or "-", file)))
    console = Console()
    Console(width=None if console.is_terminal else 200).print(table)


@app.command()
def play(
    directory: Directory,
    recording: Number,
    by: By,
    out: Annotated[str, typer.Option("--out", metavar="FILE", help="A WAV file; - is stdout, for a player.")] = "-",
) -> None:
    """Hear one: its sound as WAV, to a file or to a player, like `... | aplay`."""
    from softswitch.cli.recordings_export import copy, note, opened, write

    shelf = _shelf(directory)
    if out == "-" and sys.stdout.isatty():
        fail("A terminal does not play sound: add --out FILE, or pipe it into a player like aplay.")
    files = _files(shelf, [recording])[recording]
    with opened(shelf, files) as sound:
        note(shelf, "heard", files, by)
        try:
            if out == "-":
                copy(sound.pieces(), sys.stdout.buffer)
            else:
                write(Path(out), sound.pieces())
        except OSError as error:
            fail(f"{out} cannot be written: {error.strerror}.")


@app.command()
def export(
    directory: Directory,
    recordings: Annotated[list[str], typer.Argument(metavar="RECORDING...", help="Their numbers.")],
    by: By,
    to: Annotated[Path, typer.Option("--to", metavar="FOLDER", help="Where the copies go.")],
    form: Annotated[str, typer.Option("--format", help="wav, flac, opus or mp3; by default as it is kept.")] = "",
) -> None:
    """Hand copies out, opened, with SHA256SUMS and what is known of each; it is noted."""
    from softswitch.cli.recordings_export import hand_out

    if form and form not in FORMATS:
        fail(f'"{form}" is no format; known are {", ".join(FORMATS)}.')
    shelf = _shelf(directory)
    found = _files(shelf, recordings)
    whole = {files[0].recording: files for files in found.values()}  # two numbers of one recording are one copy
    try:
        hand_out(shelf, whole, by, to, form)
    except OSError as error:
        fail(f"{to} cannot be written: {error.strerror}.")
    print(f"{len(whole)} in {to}, with SHA256SUMS.")


@app.command()
def verify(
    directory: Directory,
    recordings: Annotated[
        list[str] | None, typer.Argument(metavar="[RECORDING...]", help="Only the files of these.", show_default=False)
    ] = None,
) -> None:
    """Check every file against the manifest, and the manifest itself. Exit status 1: something was changed."""
    from softswitch.cli.floor import plain
    from softswitch.runtime.recording_catalogue import Inventory

    shelf = _shelf(directory)
    chosen = None if not recordings else _files(shelf, recordings, deleted=True)
    wrong = 0

    def tell(text: str) -> None:
        nonlocal wrong
        wrong += 1
        print(plain(text))

    with Inventory() as kept:
        reading = shelf.catalogue.reading()
        for line in reading:
            kept.line(line)
        chain = reading.chain
        for fault in chain.faults:
            tell(f"manifest, line {fault.place}: {fault.what}")
        if chain.more:
            tell(f"manifest: {chain.more} more are not as they were")
        checked = _check_all(shelf, kept, tell) if chosen is None else _check(shelf, chosen, tell)
    if wrong:
        raise typer.Exit(1)
    print(f"{checked} recordings and {chain.place.line} lines of the manifest are as they were written.")


def _check_all(shelf: Shelf, kept: Inventory, tell: Callable[[str], None]) -> int:
    from rich.console import Console
    from rich.progress import Progress

    console, total = Console(stderr=True), len(kept)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        for path, recording, sha256 in progress.track(kept, total=total, description="Checking"):
            checked = shelf.check(path, recording, sha256)
            if checked.wrong:
                tell(f"{checked.path}: {checked.wrong}")
    for name in shelf.strangers(kept):
        tell(f"{name}: no line of the manifest knows it")
    return total


def _check(shelf: Shelf, chosen: dict[str, list[Known]], tell: Callable[[str], None]) -> int:
    """All files of these recordings; what was deleted with a line in the manifest is no fault, and is said."""
    files = {each.path: each for found in chosen.values() for each in found}
    for each in files.values():
        if each.deleted:
            print(f"{each.path}: deleted, {each.deleted}")
            continue
        checked = shelf.check(each.path, each.recording, str(each.line["sha256"]))
        if checked.wrong:
            tell(f"{checked.path}: {checked.wrong}")
    return len({found[0].recording for found in chosen.values()})


# ------------------------------------------------------------------ what they share


def _shelf(directory: Path) -> Shelf:
    from softswitch.config import ConfigProblems, load_recording
    from softswitch.runtime.recording_shelf import Shelf

    try:
        setup = load_recording(directory)
    except ConfigProblems as problems:
        fail(str(problems))
    if setup is None:
        fail("This line does not record; its configuration has no section recording.")
    return Shelf(setup)


def _files(shelf: Shelf, recordings: Iterable[str], *, deleted: bool = False) -> dict[str, list[Known]]:
    """All files of each of these recordings, in order; unless asked for, without those that are deleted."""
    wanted = list(dict.fromkeys(recordings))
    found = shelf.catalogue.files(wanted)
    for number in wanted:
        files = found.get(number, [])
        kept = [each for each in files if not each.deleted]
        if not kept and not (deleted and files):
            fail(f"There is no recording {number}, or it was deleted; `list` shows them.")
        if not deleted:
            found[number] = kept
            if len(kept) < len(files):
                print(f"softswitch: {len(files) - len(kept)} of the files of {number} were deleted.", file=sys.stderr)
    return found

"""`softswitch recordings list | play | export | verify`: from the files, with or without a running switch."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from softswitch.cli.options import AsJson, Directory, fail

if TYPE_CHECKING:
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
    shelf = _shelf(directory)
    lines, _ = shelf.lines()
    kept, rows = shelf.kept(lines), []
    for line in reversed(lines):
        if line["what"] != "recorded" or (call and line["interaction"] != call):
            continue
        agents = [mark["detail"] for mark in line["marks"] if mark["mark"] == "agent"]
        if agent and agent not in agents:
            continue
        rows.append({**line, "agents": list(dict.fromkeys(agents)), "deleted": line["path"] not in kept})
    rows = rows[:limit]
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
        cells = (row["recording"], began, f"{row['seconds']:.1f}", row["caller"], ", ".join(row["agents"]))
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
    import sys

    shelf = _shelf(directory)
    line = _line(shelf, recording)
    if out == "-" and sys.stdout.isatty():
        fail("A terminal does not play sound: add --out FILE, or pipe it into a player like aplay.")
    sound = _sound(shelf, line, "wav")
    _note(shelf, "heard", recording, by)
    if out == "-":
        sys.stdout.buffer.write(sound)
        return
    try:
        _write(Path(out), sound)
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
    import hashlib
    import json

    if form and form not in FORMATS:
        fail(f'"{form}" is no format; known are {", ".join(FORMATS)}.')
    shelf = _shelf(directory)
    sums = []
    try:
        to.mkdir(mode=0o700, parents=True, exist_ok=True)
        for number in dict.fromkeys(recordings):
            line = _line(shelf, number)
            kind = form or ("wav" if line["format"] in ("ulaw", "alaw") else line["format"])
            sound = _sound(shelf, line, form)
            _note(shelf, "exported", number, by, sha256=hashlib.sha256(sound).hexdigest())
            for name, data in ((f"{number}.{kind}", sound), (f"{number}.json", json.dumps(line, indent=2).encode())):
                _write(to / name, data)
                sums.append(f"{hashlib.sha256(data).hexdigest()}  {name}\n")
        _write(to / "SHA256SUMS", "".join(sums).encode())
    except OSError as error:
        fail(f"{to} cannot be written: {error.strerror}.")
    print(f"{len(sums) // 2} in {to}, with SHA256SUMS.")


@app.command()
def verify(directory: Directory) -> None:
    """Check every file against the manifest, and the manifest itself. Exit status 1: something was changed."""
    from rich.console import Console
    from rich.progress import Progress

    from softswitch.cli.floor import plain

    shelf = _shelf(directory)
    lines, faults = shelf.lines()
    wrong = [f"manifest, line {fault.place}: {fault.what}" for fault in faults]
    kept = shelf.kept(lines)
    console = Console(stderr=True)
    with Progress(console=console, disable=not console.is_terminal, transient=True) as progress:
        for line in progress.track(list(kept.values()), description="Checking"):
            checked = shelf.check(line)
            if checked.wrong:
                wrong.append(f"{checked.path}: {checked.wrong}")
    wrong += [f"{name}: no line of the manifest knows it" for name in shelf.strangers(kept)]
    for each in wrong:
        print(plain(each))
    if wrong:
        raise typer.Exit(1)
    print(f"{len(kept)} recordings and {len(lines)} lines of the manifest are as they were written.")


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


def _line(shelf: Shelf, recording: str) -> dict[str, Any]:
    lines, _ = shelf.lines()
    for line in shelf.kept(lines).values():
        if line["recording"] == recording:
            return line
    return fail(f"There is no recording {recording}, or it was deleted; `list` shows them.")


def _sound(shelf: Shelf, line: dict[str, Any], form: str) -> bytes:
    """The audio file as it is kept (`form` empty), or made into another."""
    import io

    import soundfile

    from softswitch.media.worker.recordings.finish import FORMATS as KINDS
    from softswitch.runtime.recording_shelf import ShelfError

    try:
        with shelf.audio(line["path"]) as audio:
            kept = b"".join(audio.pieces())
    except ShelfError as error:
        fail(f"Recording {line['recording']}: {error}.")
    if not form:
        return kept
    out, (name, subtype, _) = io.BytesIO(), KINDS[form]
    samples, rate = soundfile.read(io.BytesIO(kept), dtype="int16")
    soundfile.write(out, samples, rate, subtype, format=name)
    return out.getvalue()


def _write(path: Path, data: bytes) -> None:
    """For nobody else: it is not sealed any more. Raises OSError."""
    import os

    with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(data)


def _note(shelf: Shelf, what: str, recording: str, by: str, **facts: object) -> None:
    """Before anything leaves: without the line nobody listens."""
    import time

    try:
        shelf.note(time.time(), what, recording, by=by, **facts)
    except OSError as error:
        fail(f"The manifest cannot be written, so nobody listens: {error.strerror}.")

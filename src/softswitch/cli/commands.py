"""The commands and their options. Exit status: 0 done, 1 the answer is no (`check` found problems, a demo step
differs), 2 it could not be done; then one sentence on stderr says why, and never a traceback.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from softswitch.cli.dial_commands import app as dial_commands
from softswitch.cli.edge_commands import app as edge_commands
from softswitch.cli.importing import app as importing
from softswitch.cli.options import DEFAULT_URL, AsJson, Directory, Url, Watch, fail, guarded
from softswitch.cli.prompt_commands import app as prompt_commands
from softswitch.cli.queue_commands import app as queue_commands
from softswitch.cli.recordings_commands import app as recordings_commands
from softswitch.cli.supervise_commands import app as supervise_commands

app = typer.Typer(
    name="softswitch",
    help="A call-centre switch that brings the returning caller back to the same person.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(importing)
app.add_typer(queue_commands)
app.add_typer(edge_commands)
app.add_typer(dial_commands)
app.add_typer(prompt_commands, name="prompts")
app.add_typer(recordings_commands, name="recordings")
app.add_typer(supervise_commands)

# ------------------------------------------------------------------ the switch itself


@app.command()
def run(
    directory: Directory,
    listen: Annotated[
        list[str] | None,
        typer.Option("--listen", metavar="URL", help="SIP address instead of the configured ones; may be repeated."),
    ] = None,
    http: Annotated[str | None, typer.Option("--http", metavar="HOST:PORT", help="Address of the HTTP API.")] = None,
    database: Annotated[
        str | None, typer.Option("--database", metavar="URL", help="sqlite:///path or postgresql://user@host/name.")
    ] = None,
    rtp_ports: Annotated[
        str | None, typer.Option("--rtp-ports", metavar="A..B", help="UDP ports for the audio, both included.")
    ] = None,
) -> None:
    """Run the switch until SIGTERM or Ctrl-C."""
    from softswitch.call.errors import StartError
    from softswitch.cli.values import overrides
    from softswitch.config import ConfigProblems, load

    try:
        settings = load(directory, overrides(listen or [], http, database, rtp_ports))
    except ConfigProblems as error:
        fail(_first_of(directory, error.problems))
    except (StartError, OSError, ValueError) as error:
        fail(_sentence(error))
    from softswitch.app.main import run_switch
    from softswitch.cli.values import progress_line

    try:
        status = run_switch(settings, progress_line() if sys.stderr.isatty() else None)
    except StartError as error:
        fail(_sentence(error))
    except KeyboardInterrupt:
        status = 0
    raise typer.Exit(status)


@app.command()
def check(directory: Directory) -> None:
    """Read a configuration and list every mistake in it with its place."""
    from softswitch.config import look

    try:
        problems, warnings = look(directory)
    except OSError as error:
        fail(_sentence(error))
    for problem in problems:
        print(problem)
    for warning in warnings:
        print(f"{warning.place}: warning: {warning.message}")
    if problems:
        many = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        fail(f"{directory} has {many}.", 1)
    many = "" if not warnings else ", 1 warning" if len(warnings) == 1 else f", {len(warnings)} warnings"
    print(f"{directory}: no problems{many}.")


@app.command()
def schema(
    file: Annotated[
        str,
        typer.Option("--file", metavar="NAME", help="Of this file: line.yaml and its neighbours, or flows/any.yaml."),
    ] = "line.yaml",
) -> None:
    """Print the JSON Schema of a configuration file, for editors."""
    import json

    from softswitch.cli.values import kind_of_file
    from softswitch.config import schema as schemas

    kind = kind_of_file(file)
    if kind is None:
        fail(f"{file} is no file of a configuration; there are NAME.yaml and flows/NAME.yaml.")
    print(json.dumps(schemas()[kind], indent=2, ensure_ascii=False))


@app.command()
def demo(
    once: Annotated[bool, typer.Option("--once", help="Stop after the story instead of staying up.")] = False,
    as_json: AsJson = False,
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="DIR", help="Keep audio, logs and database in this directory.")
    ] = None,
) -> None:
    """Play the demo story: real SIP phones call a bank's line, every step is checked."""
    from softswitch.call.errors import StartError
    from softswitch.demo.story import main as play

    try:
        status = play(once=once, as_json=as_json, keep=keep)
    except StartError as error:
        fail(_sentence(error))
    except KeyboardInterrupt:
        status = 130
    raise typer.Exit(status)


@app.command()
def version() -> None:
    """Print the version."""
    from importlib.metadata import version as installed

    print(installed("softswitch"))


# ------------------------------------------------------------------ looking at a running switch


@app.command()
def agents(
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
    watch: Watch = False,
    set_states: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            metavar="AGENT=STATE",
            help="ready, break, login, logout, outbound, extend or free; with a reason: anna=break:lunch. Repeatable.",
        ),
    ] = None,
) -> None:
    """Show the agents of a running switch, or change their states."""
    from softswitch.cli.floor import Floor, set_agents, show

    if set_states:
        guarded(lambda: set_agents(Floor(url), set_states))
    guarded(lambda: show(Floor(url), "agents", as_json, watch))


@app.command()
def queues(url: Url = DEFAULT_URL, as_json: AsJson = False, watch: Watch = False) -> None:
    """Show the queues of a running switch."""
    from softswitch.cli.floor import Floor, show

    guarded(lambda: show(Floor(url), "queues", as_json, watch))


@app.command()
def calls(
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
    watch: Watch = False,
    moves: Annotated[
        list[str] | None,
        typer.Option("--move", metavar="CALL=QUEUE", help="A waiting caller into this queue, or: front. Repeatable."),
    ] = None,
    keys: Annotated[
        list[str] | None,
        typer.Option("--press", metavar="CALL=KEYS", help="Telephone keys for his line, like 1,,23#. Repeatable."),
    ] = None,
) -> None:
    """Show the calls of a running switch, move callers who wait, or press telephone keys for one's line."""
    from softswitch.cli.floor import Floor, move_callers, press_keys, show

    if moves:
        guarded(lambda: move_callers(Floor(url), moves))
    if keys:
        guarded(lambda: press_keys(Floor(url), keys))
    guarded(lambda: show(Floor(url), "calls", as_json, watch))


# ------------------------------------------------------------------ sentences


def _first_of(directory: Path, problems: object) -> str:
    assert isinstance(problems, tuple)
    first = str(problems[0])
    if len(problems) == 1:
        return f"The configuration cannot be used: {first}"
    from softswitch.config import check as find_problems

    if not find_problems(directory):  # secrets that this machine lacks: `check` does not look for them
        return f"The configuration cannot be used: {'; '.join(map(str, problems))}"
    return (
        f"The configuration has {len(problems)} problems (softswitch check {directory} lists them), the first: {first}"
    )


def _sentence(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}."
    return " ".join(str(error).split()) or type(error).__name__

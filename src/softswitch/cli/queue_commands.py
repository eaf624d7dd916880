"""The commands that look into the queues: why, promises, fairness, replay, simulate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from softswitch.cli.options import DEFAULT_URL, AsJson, Directory, Url, guarded

app = typer.Typer()


@app.command()
def why(
    interaction: Annotated[
        str, typer.Argument(metavar="INTERACTION", help="Its number, as `softswitch calls --json` shows it.")
    ],
    agent: Annotated[str | None, typer.Option("--agent", metavar="AGENT", help="Only this agent.")] = None,
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="HH:MM:SS", help="At this time instead of now; also 2026-11-21T14:03:10."),
    ] = None,
    journal: Annotated[
        Path | None,
        typer.Option("--journal", metavar="PATH", help="Read this journal (file or directory); no switch is asked."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option("--timezone", metavar="ZONE", help="Of the times, with --journal.")
    ] = None,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Why does this interaction wait, why did an agent not ring for it, why this one?"""
    from softswitch.cli import past

    guarded(lambda: past.show_why(past.why(interaction, agent, at, journal, timezone, url), as_json))


@app.command()
def promises(
    state: Annotated[
        str | None, typer.Option("--state", metavar="STATE", help="Only open, kept, broken or withdrawn ones.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many, the newest.")] = 100,
    url: Url = DEFAULT_URL,
    as_json: AsJson = False,
) -> None:
    """Every promised call-back: its state, and how late or early it was kept."""
    from softswitch.cli import past

    guarded(lambda: past.show_promises(url, state, limit, as_json))


@app.command()
def fairness(url: Url = DEFAULT_URL, as_json: AsJson = False) -> None:
    """How the work is spread over the agents since the switch started."""
    from softswitch.cli import fairness

    guarded(lambda: fairness.show(url, as_json))


@app.command()
def simulate(
    directory: Directory,
    calls: Annotated[int, typer.Option("--calls", min=1, max=5_000_000, metavar="N", help="So many callers.")],
    pattern: Annotated[str, typer.Option("--pattern", help="even, morning or storm.")] = "even",
    seed: Annotated[int, typer.Option("--seed", help="The same seed gives the same day.")] = 1,
    talk: Annotated[
        str | None, typer.Option("--talk", metavar="TIME", help="Mean talk; by default the queue's usual_talk.")
    ] = None,
    patience: Annotated[
        str, typer.Option("--patience", metavar="TIME", help="Mean patience of callers, or: endless.")
    ] = "2m",
    returning: Annotated[
        float, typer.Option("--returning", min=0, max=100, metavar="PERCENT", help="Callers with a previous agent.")
    ] = 30.0,
    journal: Annotated[
        Path | None, typer.Option("--journal", metavar="FILE", help="Write the day as a journal, for replay and why.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a page with a plot.")] = None,
    as_json: AsJson = False,
) -> None:
    """A day that never was: the real queues of this configuration under invented callers."""
    from softswitch.cli import page, simulating

    def work() -> None:
        figures = simulating.simulate(directory, calls, pattern, seed, talk, patience, returning, journal)
        facts = {"configuration": str(directory), "calls": calls, "pattern": pattern, "seed": seed}
        found = simulating.document(figures, facts)
        if html is not None:
            page.write(html, found)
        simulating.show(found, as_json)

    guarded(work)


@app.command()
def replay(
    journal: Annotated[Path, typer.Argument(metavar="JOURNAL", help="A file, or the directory of the journal.")],
    config: Annotated[
        Path | None, typer.Option("--config", metavar="DIR", help="Against this configuration.", show_default=False)
    ] = None,
    agents: Annotated[
        int, typer.Option("--agents", metavar="+N", help="With so many agents more; -N: fewer, the last ones.")
    ] = 0,
    seeds: Annotated[int, typer.Option("--seeds", min=2, max=1000, help="Days that are simulated.")] = 20,
    seed: Annotated[int, typer.Option("--seed", help="The first of them.")] = 1,
    timezone: Annotated[str | None, typer.Option("--timezone", metavar="ZONE", help="Of the hours.")] = None,
    as_json: AsJson = False,
) -> None:
    """What would a recorded day have been with another configuration, or with more agents?"""
    from softswitch.cli import replaying

    guarded(lambda: replaying.show(replaying.replay(journal, config, agents, seeds, seed, timezone), as_json))

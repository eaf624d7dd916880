"""`softswitch fairness`: how the work is spread over the agents since the switch started.

    calls per hour     conversations / hours logged in
    occupied           time in conversations / time logged in; the last column compares it with the mean of all
    returning          of her calls, those with callers who came back to her
    evenness           Jain's index of the time occupied: (sum x)^2 / (n * sum x^2); 1 is even, 1/n: one does it all
                       (R. Jain, D. Chiu, W. Hawe, "A Quantitative Measure of Fairness", DEC-TR-301, 1984)

Agents who were not logged in for a minute do not count.
"""

from __future__ import annotations

import json
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from softswitch.cli.floor import Floor, duration, plain

LEAST_SECONDS = 60.0
FORMULA = "evenness = (sum x)^2 / (n * sum x^2), x: the share of the time logged in spent in conversations"


def jain(shares: list[float]) -> float | None:
    """None: nothing to compare."""
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares > 0 else None


def report(agents: list[dict[str, Any]]) -> dict[str, Any]:
    """From the rows of the API."""
    rows = []
    for agent in agents:
        on_duty = agent["on_duty_seconds"]
        if on_duty < LEAST_SECONDS:
            continue
        rows.append(
            {
                "agent": agent["agent"],
                "name": agent["name"],
                "on_duty_seconds": on_duty,
                "calls": agent["calls"],
                "calls_per_hour": round(agent["calls"] / on_duty * 3600.0, 2),
                "talk_share": agent["talk_share"] or 0.0,
                "sticky_share": agent["sticky_share"],
                "chats": agent["chats_served"],
            }
        )
    shares = [row["talk_share"] for row in rows]
    mean = sum(shares) / len(shares) if shares else 0.0
    for row in rows:
        row["beside_mean_points"] = round((row["talk_share"] - mean) * 100.0, 1)
    evenness = jain(shares)
    return {
        "agents": sorted(rows, key=lambda row: -row["talk_share"]),
        "evenness": None if evenness is None else round(evenness, 3),
        "formula": FORMULA,
        "not_counted": len(agents) - len(rows),
    }


def show(url: str, as_json: bool) -> None:
    found = report(Floor(url).get("agents")["agents"])
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
        return
    console = Console()
    table = Table()
    for name in ("agent", "logged in", "calls", "an hour", "occupied", "beside the mean", "returning", "chats"):
        table.add_column(name, justify="left" if name == "agent" else "right")
    for row in found["agents"]:
        returning = "-" if row["sticky_share"] is None else f"{row['sticky_share']:.0%}"
        table.add_row(
            Text(plain(row["name"])), duration(row["on_duty_seconds"]), str(row["calls"]),
            f"{row['calls_per_hour']:.1f}", f"{row['talk_share']:.0%}", f"{row['beside_mean_points']:+.1f}",
            returning, str(row["chats"]),
        )  # fmt: skip
    console.print(table)
    even = "-" if found["evenness"] is None else f"{found['evenness']:.2f} (1 is even)"
    console.print(f"Evenness {even}; {found['not_counted']} agents were not logged in for a minute.", highlight=False)

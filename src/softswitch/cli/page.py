"""A simulated day as one HTML file: figures, a plot as inline SVG, the table. No script, nothing fetched.

Colours are variables for a light and a dark page (`prefers-color-scheme`); each of them has a contrast of at least
4.5 to its background as text and 3 as a mark. What the colours say is also said by shape and label.
"""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from softswitch.cli.floor import FloorError
from softswitch.cli.simulating import FORMULAS, NAMES, shown

WIDTH, HEIGHT = 960, 380
LEFT, RIGHT, TOP, BOTTOM = 56, 56, 28, 44

_STYLE = """
:root { color-scheme: light dark; --ground: #fbfaf7; --ink: #1d2126; --soft: #5b626b; --line: #dcd9d2;
  --answered: #2f6f8f; --lost: #c2543d; --level: #1d2126; --card: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ground: #15181c; --ink: #e9e6df; --soft: #a2a8b0; --line: #343a42;
  --answered: #5fa8cb; --lost: #ef8a70; --level: #e9e6df; --card: #1c2025; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--ground); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 40px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
.about { color: var(--soft); margin: 0 0 32px; }
.figures { display: grid; grid-template-columns: repeat(4, 1fr); gap: 1px; background: var(--line);
  border: 1px solid var(--line); border-radius: 10px; overflow: hidden; margin: 0 0 32px; }
.figures div { background: var(--card); padding: 16px 18px; }
.figures dt { color: var(--soft); font-size: 14px; }
.figures dd { margin: 2px 0 6px; font-size: 26px; line-height: 1.2; font-weight: 600;
  font-variant-numeric: tabular-nums; }
.figures p { margin: 0; color: var(--soft); font-size: 12.5px; line-height: 1.35; }
figure { margin: 0 0 32px; background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 18px 10px; }
figcaption { font-weight: 600; margin: 0 0 2px; }
.key { display: flex; flex-wrap: wrap; gap: 4px 22px; color: var(--soft); font-size: 14px; margin: 0 0 6px;
  padding: 0; list-style: none; }
.key li { display: flex; align-items: center; gap: 8px; }
.key svg { flex: none; }
svg { display: block; max-width: 100%; height: auto; }
svg text { fill: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
th, td { text-align: right; white-space: nowrap; padding: 7px 12px; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; font-size: 14px; }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.wide { overflow-x: auto; }
.wide > svg { min-width: 640px; }
@media (max-width: 720px) { .figures { grid-template-columns: repeat(2, 1fr); } main { padding: 24px 14px 40px; } }
"""


def write(path: Path, found: dict[str, Any]) -> None:
    try:
        path.write_text(page(found), encoding="utf-8")
    except OSError as error:
        raise FloorError(f"{path}: {error.strerror}.") from None


def page(found: dict[str, Any]) -> str:
    title = f"{found['calls']:,} callers, pattern {found['pattern']}"
    about = f"Simulated day of {found['configuration']}, seed {found['seed']}"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title><style>{_STYLE}</style></head>
<body><main><h1>{escape(title)}</h1><p class="about">{escape(about)}</p>
<dl class="figures">{_figures(found["figures"])}</dl>
{_plot(found["hours"])}
<div class="wide">{_table(found["hours"])}</div>
</main></body></html>
"""


def _figures(values: dict[str, float | None]) -> str:
    return "".join(
        f"<div><dt>{escape(title)}</dt><dd>{escape(shown(name, values[name]))}</dd>"
        f"<p>{escape(FORMULAS[name])}</p></div>"
        for name, title in NAMES.items()
    )


def _plot(rows: list[dict[str, Any]]) -> str:
    """Callers by hour as bars (answered below, lost above), the service level as a line with points."""
    if not rows:
        return ""
    most = _round_up(max(row["offered"] for row in rows))
    inner, high = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
    step = inner / len(rows)
    bar_width = min(step * 0.62, 56.0)
    parts, points = [], []
    for number in range(5):
        y = TOP + high * number / 4
        parts.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="var(--line)"/>')
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4.5:.1f}" text-anchor="end">{most * (4 - number) / 4:g}</text>')
        parts.append(f'<text x="{WIDTH - RIGHT + 10}" y="{y + 4.5:.1f}">{100 - 25 * number} %</text>')
    for number, row in enumerate(rows):
        middle = LEFT + step * (number + 0.5)
        answered, lost = row["answered"], row["abandoned"] + row["overflowed"]
        base, top = TOP + high, TOP + high - high * answered / most
        left = middle - bar_width / 2
        parts.append(_rect(left, top, bar_width, base - top, "var(--answered)"))
        if lost > 0:
            tall = high * lost / most
            parts.append(_rect(left, top - tall, bar_width, max(tall - 1.5, 1.0), "var(--lost)"))
        parts.append(f'<text x="{middle:.1f}" y="{HEIGHT - BOTTOM + 22}" text-anchor="middle">{row["hour"]}</text>')
        if row["service_level_percent"] is not None:
            points.append((middle, TOP + high - high * row["service_level_percent"] / 100))
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    parts.append(f'<polyline points="{line}" fill="none" stroke="var(--card)" stroke-width="5"/>')
    parts.append(f'<polyline points="{line}" fill="none" stroke="var(--level)" stroke-width="2"/>')
    parts += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.5" fill="var(--level)" stroke="var(--card)" stroke-width="2"/>'
        for x, y in points
    ]
    parts.append(f'<text x="{LEFT - 10}" y="14" text-anchor="end">callers</text>')
    parts.append(f'<text x="{WIDTH - 6}" y="14" text-anchor="end">service level</text>')
    return (
        "<figure><figcaption>Callers and service level, hour by hour</figcaption>"
        f'<ul class="key"><li>{_swatch("--answered")}answered</li><li>{_swatch("--lost")}hung up or passed on</li>'
        f"<li>{_line_swatch()}service level</li></ul>"
        f'<div class="wide"><svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="Callers and service level by hour">'
        f"{''.join(parts)}</svg></div></figure>"
    )


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{max(height, 0.0):.1f}" fill="{fill}"/>'


def _swatch(colour: str) -> str:
    square = f'<rect width="14" height="14" rx="2" fill="var({colour})"/>'
    return f'<svg width="14" height="14" aria-hidden="true">{square}</svg>'


def _line_swatch() -> str:
    return (
        '<svg width="24" height="14" aria-hidden="true"><path d="M0 7h24" stroke="var(--level)" stroke-width="2"/>'
        '<circle cx="12" cy="7" r="4" fill="var(--level)"/></svg>'
    )


def _round_up(value: int) -> int:
    """The next number that four lines divide well."""
    scale = 4
    while True:
        for factor in (1, 2, 3, 5, 10):
            if value <= scale * factor:
                return scale * factor
        scale *= 10


def _table(rows: list[dict[str, Any]]) -> str:
    head = "".join(
        f"<th>{name}</th>"
        for name in ("hour", "callers", "answered", "hung up", "passed on", "call-back", "service level", "mean wait")
    )
    body = "".join(
        f"<tr><td>{row['hour']}</td><td>{row['offered']}</td><td>{row['answered']}</td><td>{row['abandoned']}</td>"
        f"<td>{row['overflowed']}</td><td>{row['call_backs']}</td>"
        f"<td>{escape(shown('_percent', row['service_level_percent']))}</td>"
        f"<td>{escape(shown('_seconds', row['mean_wait_seconds']))}</td></tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"

"""The findings of an import as a page: IMPORTED.md, what is to be decided first."""

from __future__ import annotations

from softswitch.config.migration.findings import Fate, Finding, Imported, at

NAME = "IMPORTED.md"

_MARKS = str.maketrans({one: f"\\{one}" for one in "\\`*_[]<>|~#!"})
_HEADS = {
    Fate.DECIDE: ("To decide", "There is an equal here, but somebody has to choose."),
    Fate.NONE: ("No equal", "Not part of this configuration, and what that means."),
    Fate.TAKEN: ("Taken over", "Written into the files, or always so here."),
}


def markdown(imported: Imported, peer: str, sources: tuple[str, ...]) -> str:
    lines = [
        f"# Imported from {peer}",
        "",
        f"From {', '.join(map(_cell, sources))}: every setting that stands there, or whose default there counts, in "
        f"three groups. {summary(imported)}",
        "",
    ]
    for fate, (title, about) in _HEADS.items():
        findings = [finding for finding in imported.findings if finding.fate is fate]
        if not findings:
            continue
        lines += [f"## {title}", about, "", "| place | of | setting | here | what it means |", "|---|---|---|---|---|"]
        lines += [_row(finding) for finding in findings]
        lines.append("")
    return "\n".join(lines)


def summary(imported: Imported) -> str:
    counts = [f"{imported.count(fate)} {fate.value}" for fate in (Fate.TAKEN, Fate.DECIDE, Fate.NONE)]
    return f"{len(imported.findings)} settings: {', '.join(counts)}."


def setting_of(finding: Finding) -> str:
    return f"{finding.setting} = {finding.value}" if finding.value else finding.setting


def _row(finding: Finding) -> str:
    cells = (at(finding.place), finding.owner, setting_of(finding), finding.becomes or "-", finding.note)
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    """Foreign text cannot leave its cell, become markup or a link."""
    return " ".join(text.translate(_MARKS).split())

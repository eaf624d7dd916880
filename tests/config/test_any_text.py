"""Whatever stands in the files: problems with places, never an exception."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.config import check

BANK = Path(__file__).parents[2] / "configs" / "bank"
FILES = {str(path.relative_to(BANK)): path.read_text(encoding="utf-8") for path in sorted(BANK.glob("**/*.yaml"))}

PIECES = [
    "",
    " ",
    "\n",
    "\t",
    ":",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "#",
    "*",
    "&a ",
    "*a",
    "'",
    '"',
    "-",
    "- ",
    "0",
    "9999999999",
]
PIECES += [
    "null",
    "~",
    "yes",
    "!!int ",
    "---\n",
    "%",
    "|",
    ">",
    "@",
    "`",
    "\u0000",
    "\ufeff",
    "{agent}",
    "..",
    "\u2028",
    "é",
]


@st.composite
def changed(draw: st.DrawFn) -> tuple[str, str]:
    name = draw(st.sampled_from(sorted(FILES)))
    text = FILES[name]
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(st.sampled_from(PIECES)) + text[start + draw(st.integers(0, 30)) :]
    return name, text


def problems(files: dict[str, str]) -> list[str]:
    directory = Path(tempfile.mkdtemp())
    try:
        for name, text in files.items():
            (directory / name).parent.mkdir(exist_ok=True)
            (directory / name).write_text(text, encoding="utf-8")
        found = check(directory)
        for problem in found:
            assert problem.place.file in files
            assert 1 <= problem.place.line <= files[problem.place.file].count("\n") + 2
            assert problem.place.column >= 1
            assert len(problem.message) < 4000
        return [str(problem) for problem in found]
    finally:
        shutil.rmtree(directory)


@settings(max_examples=250, deadline=None)
@given(changed())
def test_a_bank_with_anything_changed(change: tuple[str, str]) -> None:
    problems({**FILES, change[0]: change[1]})


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=200), st.text(max_size=200))
def test_any_text_at_all(line: str, flow: str) -> None:
    encoded = {"line.yaml": line, "flows/x.yaml": flow}
    problems({name: text.encode("utf-8", "replace").decode() for name, text in encoded.items()})

"""Whatever stands in the files of the other switch: a directory that the loader takes, or problems with places."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.config.migration.harness import ASTERISK, FREESWITCH, asterisk, freeswitch, loaded

from softswitch.config import ConfigProblems
from softswitch.config.migration import Imported

PIECES = ["", "\n", "[", "]", "(", "(!)", "(+)", "=", "=>", "+=", ";", ";--", "--;", "\\;", '"', ",", "#include "]
PIECES += ["0", "-1", "99999999999", "<", ">", "/>", "&", "&x;", "<!--", "-->", "]]>"]
PIECES += ["\u0000", "\ufeff", "\u2028", "é", "客", "{x}"]


@st.composite
def changed(draw: st.DrawFn, texts: dict[str, str]) -> dict[str, str]:
    name = draw(st.sampled_from(sorted(texts)))
    text = texts[name]
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(text)))
        text = text[:start] + draw(st.sampled_from(PIECES)) + text[start + draw(st.integers(0, 30)) :]
    return {**texts, name: text}


def result_or_problems(read: Callable[[], Imported], files: dict[str, str]) -> None:
    try:
        imported = read()
    except ConfigProblems as error:
        for problem in error.problems:
            assert problem.place.file in files
            assert 1 <= problem.place.line <= files[problem.place.file].replace("\r", "\n").count("\n") + 1
            assert problem.message.isprintable() and len(problem.message) < 1000
    else:
        loaded(imported)


SAMPLE = {name: data.decode() for name, data in ASTERISK.items()}
PEOPLE = ("pjsip.conf", "agents.conf")


@settings(max_examples=150, deadline=None)
@given(changed(SAMPLE))
def test_asterisk_with_anything_changed(files: dict[str, str]) -> None:
    result_or_problems(lambda: asterisk(files, PEOPLE), files)


@settings(max_examples=100, deadline=None)
@given(changed({"callcenter.conf.xml": FREESWITCH.decode()}))
def test_freeswitch_with_anything_changed(files: dict[str, str]) -> None:
    result_or_problems(lambda: freeswitch(files["callcenter.conf.xml"].encode("utf-8", "replace")), files)


ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@settings(max_examples=150, deadline=None)
@given(ANY, ANY)
def test_any_text_at_all(queues: str, agents: str) -> None:
    files = {"queues.conf": queues, "agents.conf": agents}
    result_or_problems(lambda: asterisk(files, ["agents.conf"]), files)
    result_or_problems(lambda: freeswitch(queues), {"callcenter.conf.xml": queues})


NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="[];,="), min_size=1, max_size=12)
NUMBER = st.integers(-5, 100_000).map(str)
KEYS = st.sampled_from(["timeout", "wrapuptime", "servicelevel", "announce-frequency", "retry"])
PHONES = st.sampled_from(["PJSIP/1001", "SIP/1002", "SIP/anna", "DAHDI/1", "Local/1001@x/n"])


@st.composite
def queues_conf(draw: st.DrawFn) -> str:
    """Always well formed: any names, any numbers, any members."""
    lines: list[str] = []
    for name in draw(st.lists(NAME.filter(lambda name: name.strip() not in ("", "general")), min_size=1, max_size=4)):
        lines.append(f"[{name}]")
        lines += [f"{key} = {draw(NUMBER)}" for key in draw(st.lists(KEYS))]
        lines += [f"member => {phone},{draw(NUMBER)},{draw(NAME)}" for phone in draw(st.lists(PHONES))]
    return "\n".join(lines)


@settings(max_examples=100, deadline=None)
@given(queues_conf())
def test_what_is_well_formed_is_imported(text: str) -> None:
    loaded(asterisk({"queues.conf": text}))

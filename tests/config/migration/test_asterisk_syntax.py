"""The syntax of Asterisk's files as its own reader (main/config.c) takes it, and what is refused with its line."""

from __future__ import annotations

import pytest

from softswitch.config.migration import Source, at
from softswitch.config.migration.asterisk_syntax import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_VARIABLES,
    Context,
    parse,
    uncommented,
)
from softswitch.config.problems import Report

Files = dict[str, bytes]


def read(text: str | bytes, **more: str) -> tuple[list[Context], list[str]]:
    data = text.encode() if isinstance(text, str) else text
    files = {"queues.conf": data, **{name.replace("__", "/"): body.encode() for name, body in more.items()}}
    report = Report()
    contexts = parse(Source("queues.conf", files), report)
    return contexts, [f"{at(problem.place)}: {problem.message}" for problem in report.problems]


def plain(text: str, **more: str) -> dict[str, list[tuple[str, str]]]:
    contexts, problems = read(text, **more)
    assert problems == []
    return {context.name: [(one.name, one.value) for one in context.variables] for context in contexts}


@pytest.mark.parametrize(
    ("line", "nest", "kept", "after"),
    [
        ("a = b", 0, "a = b", 0),
        ("a = b ; c", 0, "a = b ", 0),
        ("; a", 0, "", 0),
        (r"a = b\; c ; d", 0, "a = b; c ", 0),
        (r"a = \;", 0, "a = ;", 0),
        (";-- a", 0, "", 1),
        ("a ;-- b --; c", 0, "a  c", 0),
        ("a ;-- b ;-- c --; d --; e", 0, "a  e", 0),
        ("a ;--- b", 0, "a ", 0),
        ("b --; c = d", 1, " c = d", 0),
        ("b --; c = d", 2, "", 1),
        ("x ; y", 1, "", 1),
        ("a --; b", 0, "a --", 0),
        ("", 3, "", 3),
        (";", 0, "", 0),
        (r"\;", 1, "", 1),
    ],
)
def test_comments(line: str, nest: int, kept: str, after: int) -> None:
    assert uncommented(line, nest) == (kept, after)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("[a]", {"a": []}),
        ("[a]\nB = c", {"a": [("b", "c")]}),
        ("[a]\nb => c", {"a": [("b", "c")]}),
        ("[a]\nb =", {"a": [("b", "")]}),
        ("[a]\nb = c = d", {"a": [("b", "c = d")]}),
        ("[a]\r\nb = c\r\n", {"a": [("b", "c")]}),
        ("\ufeff[a]\nb = c", {"a": [("b", "c")]}),
        ("[a]\nb = c\nb += ,d", {"a": [("b", "c ,d")]}),
        ("[a]\nb += d", {"a": [("b", "d")]}),
        ("[a]\n\\#b = c", {"a": [("#b", "c")]}),
        ("[a](!)\nb = c\n[d](a)\ne = f", {"a": [("b", "c")], "d": [("b", "c"), ("e", "f")]}),
        ("[a](!)\nb = c\n[d](!,a)\n[e](d)", {"a": [("b", "c")], "d": [("b", "c")], "e": [("b", "c")]}),
        ("[a]\nb = c\n[d]\n[a](+)\ne = f", {"a": [("b", "c"), ("e", "f")], "d": []}),
        ("[a]\nb = c\n[d](a)", {"a": [("b", "c")], "d": [("b", "c")]}),
        ("[a] ; comment\nb = c", {"a": [("b", "c")]}),
    ],
)
def test_what_is_read(text: str, expected: dict[str, list[tuple[str, str]]]) -> None:
    assert plain(text) == expected


def test_a_template_gives_what_it_had_then() -> None:
    assert plain("[t](!)\na = 1\n[q](t)\n[t](+)\nb = 2")["q"] == [("a", "1")]


def test_places_and_marks() -> None:
    contexts, _ = read("[t](!)\na = 1\n\n[q](t)\nb = 2\n[u](!)\n")
    template, queue, unused = contexts
    assert (template.template, template.used, unused.used, queue.template) == (True, True, False, False)
    assert [(at(one.place), one.inherited) for one in queue.variables] == [
        ("queues.conf:2", True),
        ("queues.conf:5", False),
    ]
    assert at(queue.place) == "queues.conf:4"


@pytest.mark.parametrize("line", ['#include "b.conf"', "#include <b.conf>", "#include b.conf", "#tryinclude ./b.conf"])
def test_include_goes_on_in_the_open_context(line: str) -> None:
    files = {"b.conf": "x = 1\n[c]\ny = 2\n"}
    assert plain(f"[a]\n{line}\nz = 3", **files) == {"a": [("x", "1"), ("z", "3")], "c": [("y", "2")]}


def test_include_of_a_pattern_and_of_nothing() -> None:
    files = {"d__2.conf": "y = 2", "d__1.conf": "x = 1", "d__3.txt": "z = 3"}
    assert plain("[a]\n#include d/*.conf\n#include none/*.conf\n#tryinclude none.conf", **files) == {
        "a": [("x", "1"), ("y", "2")]
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a = b", "queues.conf:1: a setting stands before the first [context]"),
        ("[a", "queues.conf:1: a [ is never closed"),
        ("[]", "queues.conf:1: a context has no name"),
        ("[a](b", "queues.conf:1: after [a]: a ( is never closed"),
        ("[a] b", "queues.conf:1: after [a]: only (templates) can stand here"),
        (
            "[basic](!)\n[a](basix)",
            'queues.conf:2: no template or context "basix" stands before - did you mean "basic"?',
        ),
        ("[a](a)", 'queues.conf:1: no template or context "a" stands before'),
        ("[a](+)", "queues.conf:1: [a](+) adds to a context that does not stand before it"),
        ("[a](+name=x)", "queues.conf:1: (+name=x) is not understood; name the context with (+)"),
        ("[a]\nhello", 'queues.conf:2: "hello" is neither [a context] nor a setting with ='),
        ("[a]\n= b", "queues.conf:2: a setting has no name"),
        (
            "[a]\n#exec /bin/ls",
            "queues.conf:2: #exec runs a program; write what it prints into a file and #include that",
        ),
        ("#inclde x", 'queues.conf:1: "#inclde" is no directive of Asterisk - did you mean "include"?'),
        ("#include", "queues.conf:1: #include names no file"),
        ("#include <>", "queues.conf:1: #include names no file"),
        ("#include missing.conf", 'queues.conf:1: the included file "missing.conf" is not there'),
        (
            "#include ../secrets.conf",
            'queues.conf:1: "../secrets.conf" is outside of the directory; only files inside are included',
        ),
        (
            "#include d/../../x",
            'queues.conf:1: "d/../../x" is outside of the directory; only files inside are included',
        ),
        ("#include /etc/x", 'queues.conf:1: "/etc/x" is outside of the directory; only files inside are included'),
        ("#include queues.conf", "queues.conf:1: queues.conf includes itself"),
        ("[a]\n\n;-- b\nc = d", "queues.conf:3: a comment ;-- begins here and never ends with --;"),
    ],
)
def test_what_is_refused(text: str, problem: str) -> None:
    assert read(text)[1] == [problem]


def test_every_problem_is_told() -> None:
    assert len(read("a = b\n[c\n[d]\nhello\n#include x\n")[1]) == 4


def test_a_problem_in_an_included_file_has_its_place() -> None:
    assert read("[a]\n#include d/b.conf", d__b__conf="")[1]  # another name
    assert read("[a]\n#include b.conf", **{"b.conf": "\nhello"})[1] == [
        'b.conf:2: "hello" is neither [a context] nor a setting with ='
    ]


def test_files_that_include_each_other() -> None:
    assert read("#include b.conf", **{"b.conf": "\n#include queues.conf"})[1] == [
        "b.conf:2: queues.conf includes itself"
    ]


def test_bytes_that_are_no_text() -> None:
    assert read(b"[a]\nb = \xff\n")[1] == ["queues.conf:2: is not UTF-8 text"]
    assert "bytes; at most" in read(b";" * (MAX_BYTES + 1))[1][0]


def test_no_explosion() -> None:
    doubling = "[t0](!)\na = 1\n" + "".join(f"[t{n}](!,{','.join([f't{n - 1}'] * 9)})\n" for n in range(1, 20))
    assert read(doubling)[1] == [f"queues.conf:7: there are more than {MAX_VARIABLES} settings"]
    deep = {f"{n}.conf": f"#include {n + 1}.conf" for n in range(1, 30)}
    assert read("#include 1.conf", **deep)[1] == [
        f"{MAX_DEPTH - 1}.conf:1: too many files are included; at most 200, {MAX_DEPTH} deep"
    ]

"""Asterisk's configuration files (main/config.c): contexts, templates, includes and comments, with their places.

    [name]  [name](!)  [name](template,...)  [name](+)        key = value   key => value   key += value
    ; comment    ;-- comment over lines, may be nested --;    \\; is a semicolon
    #include "file"  #include <file>  #tryinclude file        (patterns like queues.d/*.conf too)

What Asterisk warns about and skips is a problem here: half a configuration is worse than none. Included files are
taken from the directory of the first file alone, and #exec is refused.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from posixpath import normpath

from softswitch.config.migration.findings import Source, shown
from softswitch.config.problems import Place, Report, did_you_mean

MAX_BYTES = 4 << 20
MAX_DEPTH = 10
MAX_FILES = 200
MAX_VARIABLES = 50_000
MAX_NESTED_COMMENTS = 128


@dataclass(frozen=True, slots=True)
class Variable:
    name: str  # in small letters; Asterisk compares without case
    value: str
    place: Place
    inherited: bool = False


@dataclass(slots=True)
class Context:
    name: str
    place: Place
    template: bool = False
    variables: list[Variable] = field(default_factory=list)
    used: bool = False  # somebody inherits from it

    def last(self, *names: str) -> Variable | None:
        """The one that counts, of a setting with these names."""
        return next((one for one in reversed(self.variables) if one.name in names), None)

    def all(self, name: str) -> Iterator[Variable]:
        return (one for one in self.variables if one.name == name)


def parse(source: Source, report: Report) -> list[Context]:
    """The contexts of a file and everything it includes, in order. Problems go into the report."""
    reader = _Reader(source, report)
    reader.read(source.name, None, ())
    return reader.contexts


def uncommented(line: str, nest: int) -> tuple[str, int]:
    """What is left of a line, and how deep in nested comments the next one begins."""
    kept: list[str] = []
    start = 0
    while (found := line.find(";", start)) >= 0:
        before = line[start:found] if not nest else ""
        if found > start and line[found - 1] == "\\":
            kept.append(before[:-1] + ";" if not nest else "")
        elif line[found + 1 : found + 3] == "--" and line[found + 3 : found + 4] != "-":
            kept.append(before)
            nest = min(nest + 1, MAX_NESTED_COMMENTS)
            start = found + 3
            continue
        elif nest and found >= start + 2 and line[found - 2 : found] == "--":
            nest -= 1
        elif not nest:
            kept.append(before)
            return "".join(kept), 0
        start = found + 1
    if not nest:
        kept.append(line[start:])
    return "".join(kept), nest


class _Reader:
    def __init__(self, source: Source, report: Report) -> None:
        self.contexts: list[Context] = []
        self._files = source.files
        self._report = report
        self._opened = 0
        self._variables = 0
        self._full = False
        self._first: dict[str, Context] = {}  # of contexts with the same name, as Asterisk finds them

    # -------------------------------------------------------------- files

    def read(self, name: str, context: Context | None, chain: tuple[str, ...]) -> None:
        """One file; `context` is the one that is open where it is included, `chain` the files on the way here."""
        lines = self._lines(name)
        nest, begun = 0, 0
        for number, line in enumerate(lines, 1):
            before = nest
            text, nest = uncommented(line, nest)
            begun = number if nest and not before else begun
            text = text.strip()
            if text:
                context = self._line(text, Place(name, number), context, (*chain, name))
            if self._variables > MAX_VARIABLES:
                if not self._full:
                    self._report.add(Place(name, number), f"there are more than {MAX_VARIABLES} settings")
                self._full = True
                return
        if nest:
            self._report.add(Place(name, begun), "a comment ;-- begins here and never ends with --;")

    def _lines(self, name: str) -> list[str]:
        data = self._files[name]
        self._opened += 1
        if len(data) > MAX_BYTES:
            self._report.add(Place(name), f"the file has {len(data)} bytes; at most {MAX_BYTES} are read")
            return []
        try:
            return data.decode("utf-8-sig").replace("\r\n", "\n").split("\n")
        except UnicodeDecodeError as error:
            self._report.add(Place(name, data[: error.start].count(b"\n") + 1), "is not UTF-8 text")
            return []

    def _include(self, word: str, argument: str, place: Place, context: Context | None, chain: tuple[str, ...]) -> None:
        wanted = argument.strip()
        if len(wanted) > 1 and wanted[0] + wanted[-1] in ('""', "<>"):
            wanted = wanted[1:-1].strip()
        if not wanted:
            self._report.add(place, f"#{word} names no file")
            return
        path = normpath(wanted)
        if path.startswith(("/", "..")):
            self._report.add(place, f'"{shown(wanted)}" is outside of the directory; only files inside are included')
            return
        found = [path] if path in self._files else []
        if not found and any(one in path for one in "*?["):
            found = sorted(name for name in self._files if fnmatchcase(name, path))
        elif not found and word == "include":
            self._report.add(place, f'the included file "{shown(wanted)}" is not there')
        for name in found:
            if name in chain:
                self._report.add(place, f"{name} includes itself")
            elif len(chain) >= MAX_DEPTH or self._opened >= MAX_FILES:
                self._report.add(place, f"too many files are included; at most {MAX_FILES}, {MAX_DEPTH} deep")
            else:
                self.read(name, context, chain)

    # -------------------------------------------------------------- lines

    def _line(self, text: str, place: Place, context: Context | None, chain: tuple[str, ...]) -> Context | None:
        """Returns the context that is open after this line."""
        if text[0] == "[":
            return self._header(text, place) or context
        if text[0] == "#":
            word, _, argument = text[1:].replace("\t", " ").partition(" ")
            word = word.lower()
            if word in ("include", "tryinclude"):
                self._include(word, argument, place, context, chain)
            elif word == "exec":
                self._report.add(place, "#exec runs a program; write what it prints into a file and #include that")
            else:
                hint = did_you_mean(word, ("include", "tryinclude"))
                self._report.add(place, f'"#{shown(word)}" is no directive of Asterisk{hint}')
            return context
        if "=" not in text:
            self._report.add(place, f'"{shown(text)}" is neither [a context] nor a setting with =')
        elif context is None:
            self._report.add(place, "a setting stands before the first [context]")
        else:
            self._setting(text, place, context)
        return context

    def _setting(self, text: str, place: Place, context: Context) -> None:
        name, _, raw = text.removeprefix("\\").partition("=")
        more = name.endswith("+")
        name = name.removesuffix("+").strip().lower()
        value = (raw if more else raw.removeprefix(">")).strip()
        if not name:
            self._report.add(place, "a setting has no name")
            return
        self._variables += 1
        last = context.last(name) if more else None
        if last is not None:
            context.variables[context.variables.index(last)] = Variable(name, (last.value + raw).strip(), place)
        else:
            context.variables.append(Variable(name, value, place))

    def _header(self, text: str, place: Place) -> Context | None:
        name, closed, rest = text[1:].partition("]")
        rest = rest.strip()
        options: list[str] = []
        if not closed:
            self._report.add(place, "a [ is never closed")
            return None
        if rest and not (rest[0] == "(" and rest[-1] == ")"):
            what = "a ( is never closed" if rest[0] == "(" and ")" not in rest else "only (templates) can stand here"
            self._report.add(place, f"after [{shown(name)}]: {what}")
        elif rest:
            options = [option.strip() for option in rest[1:-1].split(",")]
        if not name.strip():
            self._report.add(place, "a context has no name")
        context = Context(name.strip(), place)
        if "+" in options:
            earlier = self._named(context.name)
            if earlier is None:
                self._report.add(place, f"[{shown(name)}](+) adds to a context that does not stand before it")
            context = earlier or context
        if context.place == place:
            self.contexts.append(context)
            self._first.setdefault(context.name, context)
        for option in options:
            self._option(option, context, place)
        return context

    def _option(self, option: str, context: Context, place: Place) -> None:
        if option == "!":
            context.template = True
        elif option.startswith("+") and option != "+":
            self._report.add(place, f"({shown(option)}) is not understood; name the context with (+)")
        elif option and option != "+":
            base = self._named(option)
            if base is None or base is context:
                known = [one.name for one in self.contexts if one is not context]
                self._report.add(
                    place, f'no template or context "{shown(option)}" stands before{did_you_mean(option, known)}'
                )
                return
            base.used = True
            self._variables += len(base.variables)
            if self._variables > MAX_VARIABLES:
                return
            context.variables += [replace(one, inherited=True) for one in base.variables]

    def _named(self, name: str) -> Context | None:
        return self._first.get(name)

"""XML of FreeSWITCH to a plain tree whose elements know their line. No document type, no entities, no other files.

FreeSWITCH replaces $${variables} and <X-PRE-PROCESS> before it parses. Neither happens here: a variable stays the text
that was written, and a pre-process instruction that sets or includes something is a problem with its place.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from xml.parsers import expat

from softswitch.config.problems import ConfigProblems, Place, Problem

MAX_BYTES = 4 << 20
MAX_DEPTH = 64
MAX_ELEMENTS = 200_000


@dataclass(slots=True)
class Element:
    name: str
    place: Place
    attributes: dict[str, str]
    children: list[Element] = field(default_factory=list)

    def get(self, name: str) -> str:
        return self.attributes.get(name, "")

    def all(self, *names: str) -> Iterator[Element]:
        return (child for child in self.children if child.name in names)

    def walk(self) -> Iterator[Element]:
        """This element and everything below it, in the order of the file."""
        waiting = [self]
        while waiting:
            element = waiting.pop()
            yield element
            waiting.extend(reversed(element.children))


class _Refused(Exception):
    pass


def parse(data: bytes, name: str) -> Element:
    """The root element; raises `ConfigProblems` with the line where the text stops being XML."""
    if len(data) > MAX_BYTES:
        raise ConfigProblems([Problem(Place(name), f"the file has {len(data)} bytes; at most {MAX_BYTES} are read")])
    builder = _Builder(name)
    try:
        builder.feed(data)
    except _Refused as refused:
        raise ConfigProblems([Problem(Place(name, builder.line()), str(refused))]) from None
    except expat.ExpatError as error:
        message = f"is not XML: {expat.ErrorString(error.code)}"
        raise ConfigProblems([Problem(Place(name, error.lineno), message)]) from None
    except (ValueError, LookupError):
        raise ConfigProblems([Problem(Place(name), "is in an encoding that is not known; write UTF-8")]) from None
    assert builder.root is not None  # expat refuses a text without an element
    return builder.root


class _Builder:
    def __init__(self, name: str) -> None:
        self.root: Element | None = None
        self._name = name
        self._open: list[Element] = []
        self._count = 0
        self._parser = expat.ParserCreate()
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.EntityDeclHandler = self._doctype
        self._parser.ExternalEntityRefHandler = self._doctype
        self._parser.SkippedEntityHandler = self._doctype

    def feed(self, data: bytes) -> None:
        self._parser.Parse(data, True)

    def line(self) -> int:
        return int(self._parser.CurrentLineNumber)

    def _doctype(self, *_: object) -> int:
        raise _Refused("a document type or an entity stands here; they are not read")

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) >= MAX_DEPTH or self._count > MAX_ELEMENTS:
            raise _Refused("is nested too deeply" if len(self._open) >= MAX_DEPTH else "holds too many elements")
        element = Element(name, Place(self._name, self.line()), attributes)
        if self._open:
            self._open[-1].children.append(element)
        else:
            self.root = element
        self._open.append(element)

    def _end(self, _: str) -> None:
        self._open.pop()

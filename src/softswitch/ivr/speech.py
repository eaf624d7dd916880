"""From a text with variables to short prompts that are all known beforehand.

A template such as "{agent} is on the phone. To wait about {minutes}, press 1." is cut into fixed texts and
variables. Every variable expands into words of a closed vocabulary (`vocabulary`) or into the spoken name of an
agent, so that nothing has to be synthesised while a caller listens.

| variable               | value          | spoken as                                             |
|------------------------|----------------|-------------------------------------------------------|
| {agent}                | a `Say`        | the name, in the language of the call                 |
| {minutes}              | "1".."60"      | "two minutes" (a longer wait is told as sixty)        |
| {position}             | "1".."9999"    | "two" (a longer line digit by digit)                  |
| {least}, {most}        | "3", "5"       | "three", "five minutes": between which he waits       |
| {time}                 | "14:30"        | "two", "thirty", "p.m.", with an article before it    |
| {digits}, {caller} ... | "0420", "+372" | digit by digit; also everything a `collect` step took |
| {waiting}              | "125"          | how long he waits: "two minutes and five seconds"     |
| {name:format}          | any            | as the format says: see `ivr.formats`                 |

A value with a format becomes one segment with its whole text, and the words it consists of `instead`: they were
rendered beforehand, so that it can be told whether or not a speech engine can speak the whole in time.

Templates are checked when the configuration is loaded (`template_problems`). In a call a value that is missing or
cannot be spoken is left out: a caller must not lose the call over a word.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from softswitch.ivr.formats import (
    CLOCK,
    DIGITS,
    DURATION,
    FORMATS,
    NUMBER,
    PHONE,
    TEXT,
    TIME,
    Format,
    format_of,
    problem_of,
    split_variable,
    values_in,
    vocabulary_of,
    words_of,
)
from softswitch.ivr.messages import Say, Segment
from softswitch.ivr.spoken import SPOKEN, SpokenLanguage
from softswitch.ivr.spoken.table import LONGEST_MINUTES, NUMBERS
from softswitch.ivr.spoken.values import GLUE, PAUSE


class Kind(Enum):
    """How the value of a variable is spoken."""

    NAME = "name"
    MINUTES = "minutes"
    NUMBER = "number"
    LEAST = "least"
    TIME = "time"
    DIGITS = "digits"
    DURATION = "duration"


VARIABLES: Mapping[str, Kind] = {
    "agent": Kind.NAME,
    "absent": Kind.NAME,
    "minutes": Kind.MINUTES,
    "position": Kind.NUMBER,
    "least": Kind.LEAST,
    "most": Kind.MINUTES,
    "time": Kind.TIME,
    "digits": Kind.DIGITS,
    "caller": Kind.DIGITS,
    "dialled": Kind.DIGITS,
    "forwarded_from": Kind.DIGITS,
    "waiting": Kind.DURATION,
}
# In which formats a variable of the switch's own makes sense.
_FORMATS_OF: Mapping[Kind, tuple[str, ...]] = {
    Kind.NAME: (),
    Kind.MINUTES: (NUMBER,),
    Kind.NUMBER: (NUMBER, DIGITS),
    Kind.LEAST: (NUMBER, DIGITS),
    Kind.TIME: (TIME, CLOCK),
    Kind.DIGITS: (DIGITS, PHONE),
    Kind.DURATION: (DURATION,),
}
SHORT_PAUSE = Segment("", text="tone:pause")  # between the groups of a telephone number

_VARIABLE = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_TIME = re.compile(r"([01]?[0-9]|2[0-3]):([0-5][0-9])\Z")
_LEADING = " \t\r\n.,;:!?)]}…·。，；：！？、）」』”»"
_DIGITS = "0123456789"
_LONG_LINE = 10_000  # callers
MOST_SET = 200  # characters of what a flow sets
MOST_SPOKEN = 300  # characters of a text that is told as it is


# ------------------------------------------------------------------ templates


@dataclass(frozen=True, slots=True)
class _Time:
    """A time behind a word that becomes one with some of its hours."""

    variable: str
    word: str  # with the hour it may be another one, by the table of the language
    fixed: Segment  # the text before it
    without: tuple[Segment, ...]  # the same without that word


@lru_cache(maxsize=8192)
def _cut(template: str, language: str) -> tuple[Segment | str | _Time, ...]:
    """Fixed segments and, as plain strings, the names of variables. A line break ends a segment too, so that texts
    which are put together in different ways share their pieces. Punctuation that stood behind a variable says
    nothing; at the end of a fixed text it stays, where it makes the melody of the sentence."""
    parts: list[Segment | str | _Time] = []
    for index, piece in enumerate(_VARIABLE.split(template)):
        if index % 2:
            parts.append(_joined(parts, piece.strip(), language))
            continue
        for number, line in enumerate(piece.split("\n")):
            text = " ".join((line.lstrip(_LEADING) if index or number else line).split())
            if any(char.isalnum() for char in text):
                parts.append(Segment(language, text))
    return tuple(parts)


def _joined(parts: list[Segment | str | _Time], variable: str, language: str) -> str | _Time:
    """This variable, with the last word of the text before it where the two may become one."""
    table = _table(language)
    if table is None or not table.joined or not parts or not isinstance(parts[-1], Segment):
        return variable
    text, _, word = parts[-1].text.rpartition(" ")
    name, written = split_variable(variable)
    form = format_of(written) if written else None
    is_time = form.kind in (TIME, CLOCK) if form is not None else not written and kind_of(name) is Kind.TIME
    if not is_time or word.lower() not in table.joined:
        return variable
    fixed = parts.pop()
    assert isinstance(fixed, Segment)
    without = (Segment(language, text),) if any(char.isalnum() for char in text) else ()
    return _Time(variable, word.lower(), fixed, without)


def variables(template: str) -> tuple[str, ...]:
    """The names of the variables of a template, in order."""
    return tuple(split_variable(written)[0] for written in _VARIABLE.findall(template))


def plain_variables(template: str) -> tuple[str, ...]:
    """The names of the variables that stand without a format."""
    found = map(split_variable, _VARIABLE.findall(template))
    return tuple(name for name, form in found if not form)


def formats(template: str) -> tuple[Format, ...]:
    """The formats of its variables, each once; those that are wrong are left out."""
    found = []
    for name, written in map(split_variable, _VARIABLE.findall(template)):
        form = format_of(written) if written else Format(DURATION) if kind_of(name) is Kind.DURATION else None
        if form is not None:
            found.append(form)
    return tuple(dict.fromkeys(found))


def filled_in(template: str, values: Mapping[str, str | Say]) -> str:
    """A template that is not spoken, with its variables; what is not known is left out."""

    def known(found: re.Match[str]) -> str:
        value = values.get(split_variable(found.group(1))[0], "")
        return value if isinstance(value, str) else ""

    return _VARIABLE.sub(known, template)[:MOST_SET]


def kind_of(variable: str) -> Kind:
    """A variable that is not one of the switch's own holds digits that the caller pressed."""
    return VARIABLES.get(variable, Kind.DIGITS)


def template_problems(
    template: str, collected: Collection[str] = (), language: str = "", allowed: Collection[str] | None = None
) -> list[str]:
    """What is wrong with a template, as sentences; empty when it can be spoken. `collected`: names of the
    flow's `collect` steps. `language`: also check that its numbers can be spoken. `allowed`: of the switch's own
    variables only these have a value where this text is said (default: all)."""
    own = VARIABLES if allowed is None else [name for name in VARIABLES if name in allowed]
    problems = []
    rest = _VARIABLE.sub("", template)
    if "{" in rest or "}" in rest:
        problems.append("a brace without its partner: variables are written as {name}")
    if not rest.strip() and not variables(template):
        problems.append("the text is empty")
    for name in dict.fromkeys(variables(template)):
        if name in own or name in collected:
            if language and _table(language) is None and kind_of(name) is not Kind.NAME:
                problems.append(f"{{{name}}} cannot be spoken in '{language}' (only in {', '.join(SPOKEN)})")
        elif not _NAME.match(name):
            problems.append(f"{{{name}}} is not a variable name")
        else:
            known = ", ".join(f"{{{each}}}" for each in (*own, *collected))
            problems.append(f"unknown variable {{{name}}}" + (f" (known here: {known})" if known else ""))
    for name, written in dict.fromkeys(map(split_variable, _VARIABLE.findall(template))):
        sentence = _format_problem(name, written, language) if written else ""
        if sentence:
            problems.append(f"{{{name}:{written}}}: {sentence}")
    return problems


def _format_problem(name: str, written: str, language: str) -> str:
    """What is wrong with the format of a variable; "" when nothing is."""
    sentence, form = problem_of(written), format_of(written)
    if sentence or form is None:
        return sentence
    fits = _FORMATS_OF[VARIABLES[name]] if name in VARIABLES else FORMATS
    if form.kind not in fits:
        return f"{name} is spoken as {' or '.join(fits)}" if fits else f"{name} is spoken as it is, without a format"
    if language and form.kind != TEXT and values_in(language) is None:
        return f"values cannot be spoken in '{language}' (only in {', '.join(SPOKEN)})"
    return ""


# ------------------------------------------------------------------ speaking


def speak(template: str, language: str, values: Mapping[str, str | Say]) -> tuple[Segment, ...]:
    """The segments of a template, its variables filled in."""
    parts = _cut(template, language)
    segments: list[Segment] = []
    for part in parts:
        if isinstance(part, Segment):
            segments.append(part)
            continue
        name, form = split_variable(part.variable if isinstance(part, _Time) else part)
        told = _spoken_value(name, form, language, values.get(name))
        segments.extend(_one_with(part, told, language) if isinstance(part, _Time) else told)
    return tuple(segments)


def _one_with(time: _Time, told: tuple[Segment, ...], language: str) -> tuple[Segment, ...]:
    """The text before a time, and the time."""
    table = _table(language)
    if table is None or not told:
        return (time.fixed, *told)
    first = (told[0].instead or told)[0].text
    together = table.joined[time.word].get(first)
    if together is None:
        return (time.fixed, *told)
    if not told[0].instead:
        return (*time.without, Segment(language, together), *told[1:])
    instead = (Segment(language, together), *told[0].instead[1:])
    text = together + told[0].text.removeprefix(first)
    return (*time.without, Segment(language, text, at_once=True, instead=instead))


def _spoken_value(variable: str, form: str, language: str, value: str | Say | None) -> tuple[Segment, ...]:
    if isinstance(value, Say):
        return name_segments(value, language)
    if value is None:
        return ()
    kind = kind_of(variable)
    if form or kind is Kind.DURATION:
        return _formatted(form or DURATION, language, value)
    if kind is Kind.NAME:
        return (Segment(language, value),) if value else ()
    return _spoken_words(kind, language, value)


def name_segments(name: Say, language: str) -> tuple[Segment, ...]:
    """A spoken name, never a template: the file or the text of this language, or of the first language that is
    there (a name is a name)."""
    if language not in name.files and language not in name.texts:
        language = next(iter((*name.files, *name.texts)), "")
    if language in name.files:
        return (Segment(language, file=name.files[language]),)
    text = " ".join(name.texts.get(language, "").split())
    return (Segment(language, text),) if text else ()


@lru_cache(maxsize=8192)
def _formatted(written: str, language: str, value: str) -> tuple[Segment, ...]:
    form, spoken = format_of(written), values_in(language)
    if form is None:
        return ()
    if form.kind == TEXT:
        # whoever set it is not the one who gives orders to a speech engine (espeak-ng takes some behind a control-A)
        text = "".join(char for char in " ".join(value.split()) if char.isprintable())[:MOST_SPOKEN]
        return (Segment(language, text, at_once=True),) if any(char.isalnum() for char in text) else ()
    words = words_of(form, spoken, value) if spoken is not None else ()
    if spoken is None or not words:
        return ()
    return (Segment(language, spoken.text_of(words), at_once=True, instead=_segments(words, language)),)


def _segments(words: tuple[str, ...], language: str) -> tuple[Segment, ...]:
    return tuple(SHORT_PAUSE if word == PAUSE else Segment(language, word.removesuffix(GLUE)) for word in words if word)


@lru_cache(maxsize=8192)
def _spoken_words(kind: Kind, language: str, value: str) -> tuple[Segment, ...]:
    table = _table(language)
    if table is None:
        return ()
    words: tuple[str, ...] = ()
    if kind is Kind.NUMBER and value.isascii() and value.isdigit() and NUMBERS <= int(value[:9]) < _LONG_LINE:
        return _formatted(NUMBER, language, value)
    if kind is Kind.DIGITS:
        words = _digit_words(table, value)
    elif kind is Kind.TIME:
        match = _TIME.match(value.strip())
        words = table.time_words(int(match[1]), int(match[2])) if match else ()
    elif value.isascii() and value.isdigit():
        number = int(value[:9])
        if kind is Kind.MINUTES:
            words = (table.minutes[min(max(number, 1), LONGEST_MINUTES)],)
        elif kind is Kind.LEAST and table.before_minutes:
            words = (table.before_minutes[min(number, LONGEST_MINUTES)],)
        else:
            words = (table.numbers[number],) if number < NUMBERS else _digit_words(table, value)
    return tuple(Segment(language, word) for word in words)


def _digit_words(table: SpokenLanguage, value: str) -> tuple[str, ...]:
    """Digit by digit; everything that is not a digit or a plus sign is passed over."""
    return tuple(
        table.plus if char == "+" else table.numbers[int(char)] for char in value if char == "+" or char in _DIGITS
    )


def _table(language: str) -> SpokenLanguage | None:
    return SPOKEN.get(language) or SPOKEN.get(language.partition("-")[0])


# ------------------------------------------------------------------ what to render beforehand


def fixed_segments(template: str, language: str) -> tuple[Segment, ...]:
    """The parts of a template that do not depend on the call."""
    found: list[Segment] = []
    for part in _cut(template, language):
        if isinstance(part, _Time):
            found += (part.fixed, *part.without)
        elif isinstance(part, Segment):
            found.append(part)
    return tuple(found)


def format_vocabulary(language: str, forms: Collection[Format]) -> tuple[Segment, ...]:
    """Every segment that values of these formats consist of."""
    found: dict[Segment, None] = {}
    for form in forms:
        found.update(dict.fromkeys(_segments(vocabulary_of(form, language), language)))
        if form.kind in (TIME, CLOCK):
            found.update(dict.fromkeys(_segments(_joined_words(language), language)))
    return tuple(found)


def _joined_words(language: str) -> tuple[str, ...]:
    """Hours with the words before them."""
    table = _table(language)
    return tuple(both for hours in table.joined.values() for both in hours.values()) if table is not None else ()


@lru_cache(maxsize=64)
def _words_of_a_long_line(language: str) -> tuple[str, ...]:
    """All that numbers from `NUMBERS` on consist of, each once."""
    spoken = values_in(language)
    counted = map(spoken.cardinal, range(NUMBERS, _LONG_LINE)) if spoken is not None else ()
    return tuple(dict.fromkeys(word.removesuffix(GLUE) for words in counted for word in words))


def vocabulary(language: str, kinds: Collection[Kind] = tuple(Kind)) -> tuple[Segment, ...]:
    """Every segment that variables of these kinds can expand into, names excepted; in a fixed order."""
    table = _table(language)
    if table is None:
        return ()
    words: list[str] = []
    if not {Kind.DIGITS, Kind.NUMBER, Kind.LEAST}.isdisjoint(kinds):
        words += table.numbers[:10]
    if Kind.DIGITS in kinds:
        words.append(table.plus)
    if Kind.NUMBER in kinds:
        words += (*table.numbers, table.plus, *_words_of_a_long_line(language))
    if Kind.LEAST in kinds:
        words += table.before_minutes or table.numbers
    if Kind.MINUTES in kinds:
        words += table.minutes[1:]
    if Kind.TIME in kinds:
        words += (*table.exact_times.values(), *table.hours, *table.minutes_past, *table.day_parts)
        words += _joined_words(language)
    return tuple(Segment(language, word) for word in dict.fromkeys(words) if word)

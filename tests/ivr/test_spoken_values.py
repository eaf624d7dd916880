"""Values in five languages: written expectations, and what holds for every number.

The tables (`spoken_values/<language>.txt`) were written by hand after grammars: for English the Cambridge Dictionary
(numbers, dates, times), for Estonian the Eesti keele käsiraamat (numerals, partitive after numbers, ordinals of which
only the last part is inflected), for Italian Serianni's grammar and the Accademia della Crusca (ventuno, centotto;
ventitré, but ventitremila), for Czech the Internetová jazyková příručka (forms after one, two to four and five; sto
jedna korun), for Chinese 现代汉语八百词 (二 and 两) and GB/T 15835 (零, 万, 亿).
"""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from softswitch.ivr.formats import CURRENCIES, FORMATS, Format, format_of, vocabulary_of, words_of
from softswitch.ivr.messages import Segment
from softswitch.ivr.speech import SHORT_PAUSE, format_vocabulary, speak
from softswitch.ivr.spoken import VALUES
from softswitch.ivr.spoken.values import phone_groups

TABLES = Path(__file__).parent / "spoken_values"
LANGUAGES = tuple(VALUES)


def rows(language: str) -> list[tuple[str, str, str]]:
    """(format, value, expected)."""
    found, form = [], ""
    for line in (TABLES / f"{language}.txt").read_text(encoding="utf-8").splitlines():
        if format_of(line) is not None:
            form = line
            continue
        value, _, expected = line.partition(" ")
        while form == "phone" and expected[:1].isdigit():  # a number that is written in groups
            more, _, expected = expected.partition(" ")
            value = f"{value} {more}"
        found.append((form, value, expected))
    return found


def said(form: str, language: str, value: str) -> str:
    segments = speak(f"{{value:{form}}}", language, {"value": value})
    return segments[0].text if segments else ""


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_table_of_a_language(language: str) -> None:
    table = rows(language)
    assert len(table) >= 150
    assert {form.split()[0] for form, _, _ in table} == set(FORMATS) - {"text"}
    wrong = [
        f"{form} {value}: {found!r}, not {expected!r}"
        for form, value, expected in table
        if (found := said(form, language, value)) != expected
    ]
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_different_numbers_have_different_words_up_to_a_million(language: str) -> None:
    """Every number below 1200, every hundredth or so above, all round ones; with a noun too."""
    values, rest = VALUES[language], random.Random(7)
    numbers = {*range(1200), *range(1200, 1_000_000, 97), *range(0, 1_000_000, 1000)}
    numbers |= {rest.randrange(1_000_000) for _ in range(2000)}
    assert len({values.text_of(values.cardinal(number)) for number in numbers}) == len(numbers)
    euro = values.currencies["EUR"].major
    some = sorted(numbers)[::3]
    assert len({values.text_of(values.counted(number, euro)) for number in some}) == len(some)


@pytest.mark.parametrize("language", LANGUAGES)
def test_different_values_have_different_words(language: str) -> None:
    values = VALUES[language]
    amounts = [f"{cents / 100:.2f}" for cents in [*range(-300, 2500), *range(10_000, 30_000, 7)]]
    for form, many in (
        ("money EUR", amounts),
        ("money CNY", amounts),
        (
            "date",
            [f"{year}-{month:02}-{day:02}" for year in (1999, 2027) for month in range(1, 13) for day in (1, 2, 28)],
        ),
        ("time", [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60)]),
        ("clock", [f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60)]),
        ("duration", [str(seconds) for seconds in [*range(4000), *range(4000, 8_640_000, 4321)]]),
    ):
        found = format_of(form)
        assert found is not None
        assert len({words_of(found, values, value) for value in many}) == len(many), form


NUMBERS = st.one_of(st.integers(0, 2000), st.integers(0, 10**6), st.integers(0, 10**12 - 1))
DECIMALS = st.builds(lambda n, d: f"{n}.{d:02}", NUMBERS, st.integers(0, 99))
SIGNED = st.builds(lambda sign, n: sign + n, st.sampled_from(["", "-"]), st.one_of(NUMBERS.map(str), DECIMALS))
VALUES_OF = {
    "number": SIGNED,
    "money": SIGNED,
    "date": st.dates().map(
        lambda day: day.replace(year=1000 + day.year % 2000 if day.month != 2 else 2000).isoformat()
    ),
    "day": st.dates().map(lambda day: day.replace(year=2000).isoformat()),
    "time": st.times().map(lambda time: time.strftime("%H:%M")),
    "clock": st.times().map(lambda time: time.strftime("%H:%M")),
    "duration": st.integers(0, 100 * 86400 - 1).map(str),
    "digits": st.text("0123456789+ ", min_size=1, max_size=20),
    "phone": st.text("0123456789+ -", min_size=1, max_size=20),
}


@settings(max_examples=15, deadline=None)
@given(st.data(), st.sampled_from(sorted(VALUES_OF)), st.sampled_from(CURRENCIES))
def test_every_word_is_rendered_beforehand(data: st.DataObject, kind: str, currency: str) -> None:
    value = data.draw(VALUES_OF[kind])
    form = Format(kind, currency if kind == "money" else "")
    for language in LANGUAGES:
        known = set(format_vocabulary(language, [form]))
        for segment in speak(f"{{value:{form}}}", language, {"value": value}):
            assert segment.at_once
            assert known.issuperset(segment.instead), (language, form, value)
            assert segment.instead


@pytest.mark.parametrize("language", LANGUAGES)
def test_words_are_words(language: str) -> None:
    for kind in FORMATS:
        for currency in CURRENCIES if kind == "money" else ("",):
            words = vocabulary_of(Format(kind, currency), language)
            assert len(words) == len(set(words)) < 260
            for segment in format_vocabulary(language, [Format(kind, currency)]):
                assert segment == SHORT_PAUSE or segment.language == language
                assert not any(char.isdigit() or char in "{}\u2060" for char in segment.text)


@pytest.mark.parametrize(
    ("form", "values"),
    [
        ("number", ["", "x", "1.2.3", "1e5", "10000000000000000", "--1", "٣"]),
        ("money EUR", ["", "free", "1 000", "1000000000000", "NaN"]),
        ("date", ["", "2027-13-01", "2027-02-30", "21.3.2027", "0999-01-01"]),
        ("time", ["", "24:00", "12.30", "noon"]),
        ("duration", ["", "-1", "1h", "8640000"]),
        ("digits", ["", "abc"]),
        ("text", ["", " ...  "]),
    ],
)
def test_what_cannot_be_spoken_is_left_out(form: str, values: list[str]) -> None:
    for value in values:
        for language in LANGUAGES:
            assert speak(f"{{value:{form}}}", language, {"value": value}) == (), value


def test_a_text_is_spoken_as_it_is() -> None:
    (segment,) = speak("{value:text}", "et", {"value": "  Tere,\n Mari! "})
    assert segment == Segment("et", "Tere, Mari!")
    assert segment.at_once
    assert segment.instead == ()


@pytest.mark.parametrize(
    ("number", "groups"),
    [
        ("+3725551234", ["+372", "555", "1234"]),
        ("+14155550123", ["+1", "415", "555", "0123"]),
        ("+442079460123", ["+44", "207", "946", "0123"]),
        ("12345", ["123", "45"]),
        ("1234", ["1234"]),
        ("12345678", ["1234", "5678"]),
        ("601 234 567", ["601", "234", "567"]),
        ("00442079460123", ["00", "44", "207", "946", "0123"]),  # 00 of ITU-T E.123: what + stands for
        ("00", ["00"]),
        ("001234", ["001", "234"]),  # too short to be called from abroad
        ("", []),
        ("+", ["+"]),
    ],
)
def test_groups_of_telephone_numbers(number: str, groups: list[str]) -> None:
    assert phone_groups(number) == groups


def test_a_text_gives_no_orders_to_a_speech_engine() -> None:
    """espeak-ng speaks at another speed, and more, behind a control-A."""
    (segment,) = speak("{value:text}", "en", {"value": "Bob\x01s80 \x1b[2J\x00Lee\u202e"})
    assert segment.text == "Bobs80 [2JLee"

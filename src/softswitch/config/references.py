"""Checks that need the whole configuration: ids that must exist, languages, variables in texts, audio files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from softswitch.call.prompts import AUDIO_SUFFIXES
from softswitch.config.problems import Place, Placed, Report, did_you_mean, listing
from softswitch.config.values import SayDoc
from softswitch.ivr import speech
from softswitch.ivr.messages import Say
from softswitch.media import tones


class Known:
    """Everything that can be referred to, and the line's languages."""

    def __init__(self, directory: Path, languages: tuple[str, ...], languages_at: Place, report: Report) -> None:
        self.directory = directory
        self.languages = languages
        self.languages_at = languages_at
        self.report = report
        self.ids: dict[str, tuple[str, ...]] = {}
        self.doubtful: set[str] = set()  # kinds that may be incomplete, as a file could not be read

    def add(self, what: str, ids: Iterable[str], section_seen: bool) -> None:
        self.ids[what] = tuple(map(str, ids))
        if not section_seen and self.report.unread:
            self.doubtful.add(what)

    def check(self, what: str, name: Placed) -> bool:
        """True when this id exists; an empty one (not given, or wrong already) is not complained about."""
        if not name or what in self.doubtful or name in self.ids[what]:
            return bool(name)
        known = self.ids[what]
        hint = did_you_mean(name, known) or (f"; known: {listing(known)}" if known else f"; there is no {what} at all")
        self.report.add(name.place, f'no {what} is called "{name}"{hint}')
        return False

    def language(self, name: Placed) -> str:
        if name and self.languages and name not in self.languages:
            hint = did_you_mean(name, self.languages) or f"; it has {listing(self.languages)}"
            self.report.add(name.place, f'"{name}" is not one of the languages of the line{hint}')
        return str(name)

    def say(self, doc: SayDoc, variables: Iterable[str], partial: bool = False, with_format: Iterable[str] = ()) -> Say:
        """`partial`: the first language may be missing, as something else fills the gap. `with_format`: variables that
        can be said too, when it is written how."""
        first = self.languages[0] if self.languages else ""
        texts: dict[str, str] = {}
        files: dict[str, str] = {}
        for language, text in doc.texts.items():
            code = self.language(language) or first
            texts[code] = str(text)
            self._spoken(text, code, tuple(variables), tuple(with_format))
        for language, path in doc.files.items():
            files[self.language(language) or first] = str(path)
            self.audio(path)
        given = texts.keys() | files.keys()
        if first and given and first not in given and not partial:
            self.report.add(doc.place, f'a text in "{first}", the first language of the line, is missing')
        return Say(texts=texts, files=files)

    def default(self, texts: Mapping[str, str]) -> Say:
        """A text that the switch ships with, in those of the line's languages that it has (zh-TW is zh here)."""
        pairs = (
            (language, texts.get(language) or texts.get(language.partition("-")[0])) for language in self.languages
        )
        found = {language: text for language, text in pairs if text}
        if not found and self.languages:
            place = self.languages_at
            self.report.add(
                place,
                f"the switch has no texts of its own in {listing(self.languages)}; "
                f"add one of {listing(texts)}, or write all texts of the line and of its queues",
            )
        return Say(texts=found)

    def audio(self, path: Placed) -> str:
        """Checks an audio file of the configuration directory."""
        if not path or tones.named(path) is not None:
            return str(path)
        if path.startswith(tones.PREFIX):
            names = [tones.tone_key(country, kind) for country in tones.NATIONAL for kind in tones.KINDS]
            hint = did_you_mean(path, names)
            self.report.add(path.place, f'there is no tone "{path}"{hint or "; see prompts.md"}')
            return str(path)
        full = (self.directory / path).resolve()
        if not full.is_relative_to(self.directory.resolve()):
            self.report.add(path.place, f'"{path}" is outside of the configuration directory')
        elif full.suffix.lower() not in AUDIO_SUFFIXES:
            self.report.add(path.place, f'"{path}" is no audio file; {listing(AUDIO_SUFFIXES)} can be played')
        elif not full.is_file():
            near = [str(file.relative_to(self.directory.resolve())) for file in sorted(full.parent.glob("*"))[:500]]
            self.report.add(path.place, f'the audio file "{path}" does not exist{did_you_mean(path, near)}')
        else:
            try:
                with full.open("rb"):
                    pass
            except OSError as error:
                self.report.add(path.place, f'the audio file "{path}" cannot be read: {error.strerror}')
        return str(path)

    def _spoken(self, text: Placed, language: str, known: tuple[str, ...], with_format: tuple[str, ...]) -> None:
        """Can this text be spoken in this language, and has every variable a value where it is said?"""
        names, plain = speech.variables(text), speech.plain_variables(text)
        known = (*known, *with_format)
        for name in dict.fromkeys(names):
            if name in with_format and name in plain:
                self.report.add(text.place, f'how is "{{{name}}}" spoken? Write a format, like {{{name}:money EUR}}')
            elif name not in known:
                hint = did_you_mean(name, known) or (f"; known: {listing(known)}" if known else "; none can stand here")
                self.report.add(text.place, f'nothing is known as "{{{name}}}" here{hint}')
        for sentence in speech.template_problems(text, collected=names, language=language) if text else ():
            self.report.add(text.place, sentence)

"""`softswitch prompts`: what callers hear, before they do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from softswitch.cli.options import AsJson, Directory, fail

if TYPE_CHECKING:
    from softswitch.call.settings import Settings

app = typer.Typer(
    help="What callers hear: preview, list, check and render texts and audio files.", no_args_is_help=True
)


@app.command()
def say(
    text: Annotated[str, typer.Argument(metavar="TEXT", help='Like "Your balance is {1234.50:money EUR}."')],
    language: Annotated[str, typer.Option("--language", "-l", metavar="CODE", help="en, et, zh, it, cs ...")] = "en",
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE.wav", help="Its sound, as a WAV file.")] = None,
    word_by_word: Annotated[bool, typer.Option("--words", help="Values by the words they consist of.")] = False,
    wide: Annotated[bool, typer.Option("--wide", help="At 16 kHz, as G.722 and Opus carry it.")] = False,
    config: Annotated[
        Path | None, typer.Option("--config", metavar="DIR", help="With the speech engines of this configuration.")
    ] = None,
) -> None:
    """Print how a text is spoken; the variables hold their values. With --out, let it be heard too."""
    import asyncio

    from softswitch.runtime.prompt_preview import CannotPreview, preview, sound_of
    from softswitch.runtime.tts import EspeakEngine
    from softswitch.runtime.tts_voices import Voices, voices_of

    voices = voices_of(_settings(config)) if config is not None else Voices(EspeakEngine())
    try:
        found = preview(text, language)
        segments = found.words if word_by_word else found.said
        print(" | ".join(segment.text for segment in found.words if segment.language) if word_by_word else found.text)
        if out is None:
            return
        samples, rate = asyncio.run(sound_of(segments, voices, wide))
    except CannotPreview as error:
        fail(_sentence(error))
    import soundfile

    try:
        soundfile.write(out, samples, rate, format="WAV", subtype="PCM_16")
    except (OSError, soundfile.SoundFileError) as error:
        fail(f"{out} cannot be written: {error}.")
    print(f"{len(samples) / rate:.1f} s in {out}")


@app.command(name="list")
def list_all(
    directory: Directory,
    language: Annotated[str, typer.Option("--language", "-l", metavar="CODE", help="Only this one.")] = "",
    as_json: AsJson = False,
) -> None:
    """Everything that callers can hear, and where its sound comes from."""
    from softswitch.call.errors import StartError
    from softswitch.runtime.prompt_library import PromptLibrary
    from softswitch.runtime.tts_voices import voices_of

    settings = _settings(directory)
    try:
        sources = PromptLibrary(settings, voices_of(settings)).sources()
    except StartError as error:
        fail(_sentence(error))
    rows = [
        {"language": segment.language, "source": origin or "none", "sound": segment.file or segment.text}
        for segment, origin, _ in sources
        if not language or segment.language == language
    ]
    if as_json:
        import json

        print(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    from softswitch.cli.floor import plain

    for row in rows:
        print(plain(f"{row['language'] or '-':4} {row['source']:10} {row['sound']}"))
    print(f"{len(rows)} sounds.")


@app.command()
def check(directory: Directory) -> None:
    """Read every audio file, and look for texts that nobody can speak here. Exit status 1: there are some."""
    from softswitch.call.errors import StartError
    from softswitch.runtime.prompt_library import PromptLibrary
    from softswitch.runtime.tts_voices import voices_of

    settings = _settings(directory)
    try:
        faults = PromptLibrary(settings, voices_of(settings)).faults()
    except StartError as error:
        faults = [str(error)]
    for fault in faults:
        print(fault)
    if faults:
        many = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        fail(f"{directory} has {many}.", 1)
    print(f"{directory}: everything can be heard.")


@app.command()
def render(directory: Directory) -> None:
    """Fill the prompt cache as a start would, so that the next one finds everything."""
    import asyncio

    from softswitch.call.errors import StartError
    from softswitch.runtime.prompt_library import build_catalog

    settings = _settings(directory)
    made: list[int] = []
    try:
        catalog = asyncio.run(build_catalog(settings, lambda done, total: made.append(done)))
    except StartError as error:
        fail(_sentence(error))
    print(f"{len(catalog.all_keys())} sounds in {settings.prompt_cache}, {max(made, default=0)} made now.")


def _sentence(error: Exception) -> str:
    text = str(error)
    return text if text.endswith((".", "?")) else f"{text}."


def _settings(directory: Path) -> Settings:
    """Secrets are not needed, but for the keys of speech servers: those that this machine has are used."""
    import os

    from softswitch.config import ConfigProblems, load, load_without_secrets

    try:
        try:
            return load(directory, env=os.environ)
        except ConfigProblems:
            return load_without_secrets(directory)
    except ConfigProblems as error:
        fail(f"The configuration cannot be used: {error.problems[0]}")

"""Render the prompts that ship with the switch, so that it can speak without a speech engine.

    python tools/render_prompts.py [--fresh] [DIR...]

Renders every text that these configurations (by default configs/bank and configs/minimal) need, and in English and
Estonian all numbers, minutes, times, values in the usual formats and everything that the switch says by itself, with
espeak-ng into src/softswitch/runtime/spoken_prompts/<language>/<hash>.ogg (Opus, 8 kHz, levelled and trimmed), and
writes index.json. File names depend on language and text alone; what is there already is kept (unless --fresh), what is
not needed any more is removed.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import sys
from pathlib import Path

import soundfile

from softswitch.call.errors import StartError
from softswitch.call.prompts import segments_needed
from softswitch.config import ConfigProblems, load
from softswitch.config.texts import CALL_BACK_TEXTS, LET_FIRST_TEXTS, LINE_TEXTS, QUEUE_TEXTS
from softswitch.ivr.formats import Format
from softswitch.ivr.messages import Segment
from softswitch.ivr.speech import fixed_segments, format_vocabulary, vocabulary
from softswitch.runtime.audio_files import LINE_RATE, to_line
from softswitch.runtime.prompt_library import SHIPPED_DIRECTORY, shipped_prompts, treatment_of_text
from softswitch.runtime.tts import EspeakEngine, TtsError

EXAMPLES = [Path(__file__).parents[1] / "configs" / name for name in ("bank", "minimal")]
ALWAYS_WHOLE = ("en", "et")  # languages whose whole vocabulary ships
FORMATS = [
    Format("number"),
    Format("money", "EUR"),
    Format("date"),
    Format("time"),
    Format("duration"),
    Format("phone"),
]
_COMPRESSION = 0.96  # libsndfile's scale: about 16 kbit/s


class AnySecret(dict[str, str]):
    """An environment for configurations: texts need no password, so every secret is there."""

    def get(self, key: str, default: object = None) -> str:
        return "sqlite:///not-used"


Entry = dict[str, str | float]


def wanted(directories: list[Path]) -> list[Segment]:
    """Spoken texts, each once, sorted so that the index changes little when a text does."""
    found: dict[Segment, None] = {}
    for directory in directories:
        found.update(dict.fromkeys(segments_needed(load(directory, env=AnySecret()))))
    for language in ALWAYS_WHOLE:
        found.update(dict.fromkeys(vocabulary(language)))
        found.update(dict.fromkeys(format_vocabulary(language, FORMATS)))
        found.update(dict.fromkeys(own_texts(language)))
    spoken = (segment for segment in found if segment.language and not segment.file)
    return sorted(spoken, key=lambda segment: (segment.language, segment.text))


def own_texts(language: str) -> list[Segment]:
    """What the switch says by itself, with the keys that it has by default; so a line can use every feature without a
    speech engine."""
    keys = {"let_first_offer": "5", "let_first_given": "5", "let_first_call_back": "5"}
    found: list[Segment] = []
    for group in (LINE_TEXTS, QUEUE_TEXTS, CALL_BACK_TEXTS, LET_FIRST_TEXTS):
        for name, texts in group.items():
            found += fixed_segments(texts[language].replace("{key}", keys.get(name, "1")), language)
    return found


def file_of(segment: Segment) -> str:
    name = hashlib.blake2b(f"{segment.language}\0{segment.text}".encode(), digest_size=8).hexdigest()
    return f"{segment.language}/{name}.ogg"


async def render(segment: Segment, engine: EspeakEngine) -> None:
    samples, rate = await engine.render(segment.text, segment.language)
    line = to_line(samples, rate, treatment_of_text(segment.text))
    path = SHIPPED_DIRECTORY / file_of(segment)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, line, LINE_RATE, format="OGG", subtype="OPUS", compression_level=_COMPRESSION)


def entry(segment: Segment) -> Entry:
    path = SHIPPED_DIRECTORY / file_of(segment)
    return {
        "lang": segment.language,
        "text": segment.text,
        "file": file_of(segment),
        "seconds": round(soundfile.info(path).frames / LINE_RATE, 3),
        "digest": hashlib.blake2b(path.read_bytes(), digest_size=12).hexdigest(),
    }


async def render_all(segments: list[Segment], fresh: bool) -> int:
    there = {} if fresh else shipped_prompts()
    missing = [
        segment
        for segment in segments
        if (segment.language, segment.text) not in there or not (SHIPPED_DIRECTORY / file_of(segment)).exists()
    ]
    engine = EspeakEngine()
    await asyncio.gather(*(render(segment, engine) for segment in missing))
    return len(missing)


def write_index(segments: list[Segment]) -> int:
    """The index, one line for each prompt; removes the files that it does not name. Returns bytes of audio."""
    lines = [json.dumps(entry(segment), ensure_ascii=False) for segment in segments]
    index = SHIPPED_DIRECTORY / "index.json"
    index.write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
    kept = {SHIPPED_DIRECTORY / file_of(segment) for segment in segments}
    for path in sorted(SHIPPED_DIRECTORY.glob("*/*.ogg")):
        if path not in kept:
            path.unlink()
    return sum(path.stat().st_size for path in kept)


def main() -> int:
    parser = argparse.ArgumentParser(description="Render the prompts that ship with the switch.")
    parser.add_argument("directories", nargs="*", type=Path, default=EXAMPLES, help="configuration directories")
    parser.add_argument("--fresh", action="store_true", help="render everything anew")
    options = parser.parse_args()
    if not EspeakEngine().available():
        print("espeak-ng is not installed", file=sys.stderr)
        return 2
    try:
        segments = wanted(options.directories)
        made = asyncio.run(render_all(segments, options.fresh))
    except (StartError, TtsError, ConfigProblems) as error:
        print(error, file=sys.stderr)
        return 2
    size = write_index(segments)
    print(f"{len(segments)} prompts, {made} rendered now, {size / 1e6:.2f} MB in {SHIPPED_DIRECTORY}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A folder of music: how it is written, what is rendered of it, in which order callers hear it, and changes in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from softswitch.app.sounds import Sounds
from softswitch.call.errors import StartError
from softswitch.call.prompts import (
    CALM_MUSIC,
    PromptCatalog,
    folder_named,
    folder_of_music,
    in_order,
    music_named,
    music_segment,
)
from softswitch.call.settings import LineTexts, Settings
from softswitch.config import check, load
from softswitch.ids import QueueId
from softswitch.ivr.messages import Say, Segment
from softswitch.media.g711 import ulaw_to_linear

SmallLine = Callable[..., Settings]
LINE = """
line: { name: Shop, languages: [en], timezone: Europe/Tallinn }
trunks: { pstn: { from: [192.0.2.10], to: 192.0.2.10:5060 } }
numbers: { "100": { queue: sales } }
agents: { anna: { name: Anna, extension: 1001, password: { env: PW }, queues: [sales] } }
"""


def tune(path: Path, hertz: float, seconds: float = 1.0, loud: float = 0.2) -> None:
    path.parent.mkdir(exist_ok=True)
    rate = 16000
    soundfile.write(path, loud * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate), rate)


def written(directory: Path, music: str) -> Path:
    (directory / "line.yaml").write_text(f"{LINE}queues: {{ sales: {{ while_waiting: {{ music: {music} }} }} }}\n")
    return directory


def music_of(directory: Path) -> str:
    return load(directory, env={"PW": "x"}).call.queue_texts[QueueId("sales")].music


def test_how_it_is_written(tmp_path: Path) -> None:
    tune(tmp_path / "calm" / "a.wav", 500)
    assert music_of(written(tmp_path, "calm/a.wav")) == "calm/a.wav"
    in_turn = music_of(written(tmp_path, "{ folder: calm }"))
    shuffled = music_of(written(tmp_path, "{ folder: calm/, order: shuffled }"))
    assert in_turn != shuffled
    assert folder_named(in_turn) == folder_named(shuffled) == "calm"
    assert folder_named("calm/a.wav") == folder_named("") == ""


@pytest.mark.parametrize(
    ("music", "said"),
    [
        ("{ folder: clam }", 'the folder "clam" does not exist - did you mean "calm"?'),
        ("{ folder: ../calm }", "is outside of the configuration directory"),
        ("{ folder: empty }", 'no audio file is in the folder "empty"'),
        ("{ folder: calm, order: random }", "expected in_turn or shuffled"),
        ("{ order: shuffled }", "music needs the key folder"),
        ("{ foldr: calm }", 'did you mean "folder"?'),
    ],
)
def test_mistakes_are_told_where_they_are(tmp_path: Path, music: str, said: str) -> None:
    tune(tmp_path / "calm" / "a.wav", 500)
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "read.me").write_text("none")
    problems = [str(each) for each in check(written(tmp_path, music))]
    assert any(said in each and each.startswith("line.yaml:6:") for each in problems), problems


def test_each_caller_has_his_order() -> None:
    pieces = tuple(f"piece{number}" for number in range(8))
    assert in_order(folder_of_music("calm", shuffled=False), pieces, 7) == pieces
    name = folder_of_music("calm", shuffled=True)
    orders = {in_order(name, pieces, listener) for listener in range(50)}
    assert all(sorted(order) == sorted(pieces) for order in orders)
    assert len(orders) > 45
    assert len({order[0] for order in orders}) == 8  # nobody's favourite
    assert in_order(name, pieces, 7) == in_order(name, pieces, 7)


def test_what_is_music() -> None:
    assert music_named(CALM_MUSIC)
    assert music_named(Segment("", file="calm/"))
    assert not music_named(Segment("", text="tone:ringback"))
    assert not music_named(Segment("en", file="hello.wav"))


class Heard:
    """In place of the board: whoever takes the catalogue that was read again."""

    def __init__(self) -> None:
        self.catalogs: list[PromptCatalog] = []

    def renew_catalog(self, catalog: PromptCatalog) -> None:
        self.catalogs.append(catalog)


async def test_pieces_are_level_and_changes_need_no_restart(small_line: SmallLine, tmp_path: Path) -> None:
    folder = tmp_path / "calm"
    tune(folder / "b.wav", 700, 1.003, loud=0.02)
    tune(folder / "a.flac", 500, loud=0.7)
    (folder / "cover.jpg").write_bytes(b"no sound")
    base = small_line()
    silent = dict.fromkeys(("please_wait", "position", "choice", "wait_for_agent", "call_back_confirmed"), Say())
    texts = replace(base.call.queue_texts[QueueId("cards")], music=folder_of_music("calm", shuffled=False), **silent)
    line_texts = LineTexts(*[Say()] * 8)
    settings = small_line(
        call={"queue_texts": {QueueId("cards"): texts}, "flows": {}, "agents": {}, "texts": line_texts}
    )
    sounds = Sounds(settings, lambda event: None)
    catalog = await sounds.catalog()
    album = catalog.said(music_segment(texts.music))
    assert len(album) == 2
    loudness = []
    for prompt, hertz in zip(album, (500, 700), strict=True):
        frames = (Path(settings.prompt_cache) / f"{prompt.key}.ulaw").read_bytes()
        assert len(frames) % 160 == 0
        assert frames[-80:].count(0xFF) < 40  # it goes on to the last sample: no gap to the next piece
        sound = ulaw_to_linear(frames).astype(np.float64) / 32768.0
        assert np.argmax(np.abs(np.fft.rfft(sound))) * 8000 / len(sound) == pytest.approx(hertz, abs=3)
        loudness.append(20 * np.log10(np.sqrt(np.mean(sound**2))))
    assert loudness == pytest.approx([-26.0, -26.0], abs=0.7)
    tune(folder / "c.wav", 900)
    (folder / "a.flac").unlink()
    board: Any = Heard()
    sounds.read_again(board)
    assert sounds._reading is not None
    await sounds._reading
    (renewed,) = board.catalogs
    assert renewed.said(music_segment(texts.music))[0] == album[1]
    assert len(renewed.said(music_segment(texts.music))) == 2
    assert set(album[1:]) <= set(map(renewed.find, [Segment("", file="calm/b.wav")]))
    for path in folder.glob("*.wav"):
        path.unlink()
    with pytest.raises(StartError, match="no audio file is in the music folder"):
        await sounds.catalog()
    sounds.read_again(board)
    await sounds._reading
    assert len(board.catalogs) == 1  # the old sound stays
    await sounds.close()

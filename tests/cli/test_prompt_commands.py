"""`softswitch prompts`: a text before anybody hears it, and what a configuration can say."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from softswitch.cli.commands import app

MINIMAL = Path(__file__).parents[2] / "configs" / "minimal"
needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed")


def run(*arguments: str | Path) -> tuple[int, str, str]:
    done = CliRunner().invoke(app, ["prompts", *map(str, arguments)])
    return done.exit_code, done.stdout, done.stderr


def test_the_words_of_a_text() -> None:
    said = run("say", "--language", "et", "Teie saldo on {1234.50:money EUR}.")
    assert said == (0, "Teie saldo on tuhat kakssada kolmkümmend neli eurot ja viiskümmend senti\n", "")
    assert run("say", "-l", "cs", "{22:money CZK} {14:30:time}", "--words")[1] == (
        "dvaadvacet | korun | čtrnáct | hodin | třicet | minut\n"
    )
    assert run("say", "{+3725551234:phone}")[1] == "plus three seven two, five five five, one two three four\n"


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("say", "{12:mony EUR}"), 'no format is called "mony" - did you mean "money"?'),
        (("say", "{abc:money EUR}"), '"abc" cannot be spoken in the format that is written behind it.'),
        (("say", "-l", "de", "{12:number}"), "values cannot be spoken in 'de'"),
        (("say", "Hello {"), "a brace without its partner"),
        (("list", "no-such-directory"), "is not a directory"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(arguments: tuple[str, ...], why: str) -> None:
    status, printed, complained = run(*arguments)
    assert (status, printed) == (2, "")
    assert why in complained
    assert complained.count("\n") == 1


@needs_espeak
@pytest.mark.parametrize(("options", "rate"), [((), 8000), (("--wide",), 16000), (("--words",), 8000)])
def test_its_sound(tmp_path: Path, options: tuple[str, ...], rate: int) -> None:
    out = tmp_path / "x.wav"
    status, printed, _ = run("say", "-l", "it", "Il saldo è {2.50:money EUR}, {112:phone}.", "--out", out, *options)
    assert status == 0
    assert printed.endswith(f" s in {out}\n")
    sound, its_rate = soundfile.read(out)
    assert its_rate == rate
    assert 2.0 < len(sound) / rate < 9.0
    assert 0.05 < float(np.sqrt(np.mean(sound**2))) < 0.2
    assert run("say", "Hello.", "--out", tmp_path / "no" / "x.wav")[0] == 2


def written(directory: Path, music: str = "", tts: str = "none") -> Path:
    directory.mkdir()
    (directory / "line.yaml").write_text(
        f"""
line: {{ name: Shop, languages: [en], timezone: Europe/Tallinn }}
trunks: {{ pstn: {{ from: [192.0.2.10], to: 192.0.2.10:5060 }} }}
numbers: {{ "100": {{ queue: sales }} }}
prompts: {{ tts: {tts}, cache: "{directory}/cache" }}
agents: {{ anna: {{ name: A, spoken: Goodbye., extension: 1001, password: {{ env: X }}, queues: [sales] }} }}
queues: {{ sales: {{ while_waiting: {{ {music} }} }} }}
"""
    )
    return directory


def test_everything_that_can_be_heard_is_listed(tmp_path: Path) -> None:
    directory = written(tmp_path / "line", "music: tune.wav")
    soundfile.write(directory / "tune.wav", np.zeros(800), 8000)
    status, printed, _ = run("list", directory, "--json")
    assert status == 0
    rows = {row["sound"]: row["source"] for row in json.loads(printed)}
    assert rows["tune.wav"] == "file"
    assert rows["tone:beep"] == "built in"
    assert rows["Goodbye."] == "shipped"
    assert "shipped    Goodbye." in run("list", directory, "-l", "en")[1]


def test_what_cannot_be_heard_is_told(tmp_path: Path) -> None:
    directory = written(tmp_path / "line", "music: tune.wav")
    (directory / "tune.wav").write_bytes(b"no sound")
    with (directory / "line.yaml").open("a") as file:
        file.write('flows: { hello: { steps: [ { say: "Our branch in Narva." } ] } }\n')
    status, printed, complained = run("check", directory)
    assert status == 1
    assert "tune.wav: it is not a WAV" in printed
    assert "en 'Our branch in Narva.'" in printed
    assert "has 2 faults" in complained
    assert run("render", directory)[0] == 2


def test_a_cache_is_filled_ahead(tmp_path: Path) -> None:
    directory = written(tmp_path / "line")
    status, printed, _ = run("render", directory)
    assert status == 0
    assert ", 0 made now" not in printed
    assert ", 0 made now" in run("render", directory)[1]
    assert run("check", directory)[1].endswith("everything can be heard.\n")

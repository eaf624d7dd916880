"""import: a directory that check accepts, a report of every setting, and files that are wrong or in the way."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from softswitch.cli.importing import Folder

SAMPLES = "tests/config/migration/samples"


@pytest.fixture
def asterisk(project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(project / SAMPLES / "asterisk", tmp_path / "asterisk"))


async def test_asterisk(cli: Any, asterisk: Path, tmp_path: Path) -> None:
    people = ("--agents", asterisk / "pjsip.conf", "--agents", asterisk / "agents.conf")
    seen = await cli("import", "asterisk", asterisk / "queues.conf", *people, "--to", "bank")
    assert (seen.status, seen.err) == (0, "")
    lines = seen.out.splitlines()
    assert lines[-2].split(": ")[0].endswith(" settings")
    assert lines[-1] == "bank: no problems. Read bank/IMPORTED.md, fill in line.yaml."
    assert any(line.startswith("queues.conf:10 ") for line in lines)
    assert "not-to-be-seen" not in seen.out
    assert max(map(len, lines)) <= 80
    files = {one.relative_to(tmp_path / "bank").as_posix() for one in (tmp_path / "bank").rglob("*") if one.is_file()}
    assert files == {"line.yaml", "queues.yaml", "people.yaml", "flows/after_queue.yaml", "IMPORTED.md"}
    checked = await cli("check", "bank")
    assert checked.status == 0


async def test_freeswitch(cli: Any, project: Path, tmp_path: Path) -> None:
    seen = await cli("import", "freeswitch", project / SAMPLES / "freeswitch" / "callcenter.conf.xml")
    assert (seen.status, seen.err) == (0, "")
    assert (tmp_path / "imported" / "IMPORTED.md").read_text().startswith("# Imported from FreeSWITCH\n")


async def test_every_mistake_has_its_line_and_nothing_is_written(cli: Any, asterisk: Path, tmp_path: Path) -> None:
    (asterisk / "queues.conf").write_text("[sales]\ntimeout = soon\nmember => 1001\n[open\n#include ../x\n")
    seen = await cli("import", "asterisk", asterisk / "queues.conf", "--to", "bank")
    assert (seen.status, seen.out) == (2, "")
    assert seen.err.splitlines() == [
        "queues.conf:4: a [ is never closed",
        'queues.conf:5: "../x" is outside of the directory; only files inside are included',
    ]
    assert not (tmp_path / "bank").exists()
    (asterisk / "queues.conf").write_text("[sales]\ntimeout = soon\nmember => 1001\n")
    seen = await cli("import", "asterisk", asterisk / "queues.conf", "--to", "bank")
    assert [line.partition(": ")[0] for line in seen.err.splitlines()] == ["queues.conf:2", "queues.conf:3"]


async def test_nothing_is_overwritten(cli: Any, asterisk: Path, tmp_path: Path) -> None:
    (tmp_path / "bank").mkdir()
    (tmp_path / "bank" / "line.yaml").write_text("mine")
    seen = await cli("import", "asterisk", asterisk / "queues.conf", "--to", "bank")
    assert seen.status == 2
    assert seen.sentence() == "bank is not empty; name a new directory with --to."
    assert (tmp_path / "bank" / "line.yaml").read_text() == "mine"


@pytest.mark.parametrize("peer", ["asterisk", "freeswitch"])
async def test_no_such_file(cli: Any, peer: str) -> None:
    seen = await cli("import", peer, "nowhere.conf")
    assert seen.status == 2
    assert seen.sentence() == "nowhere.conf: No such file or directory."


async def test_a_directory_that_cannot_be_made(cli: Any, asterisk: Path) -> None:
    seen = await cli("import", "asterisk", asterisk / "queues.conf", "--to", asterisk / "queues.conf")
    assert seen.status == 2
    assert seen.sentence().endswith("queues.conf: File exists.")


def test_a_folder_holds_what_is_inside(tmp_path: Path) -> None:
    (tmp_path / "in" / "d").mkdir(parents=True)
    (tmp_path / "in" / "d" / "a.conf").write_text("a")
    (tmp_path / "secret").write_text("s")
    (tmp_path / "in" / "link").symlink_to(tmp_path / "secret")
    folder = Folder(tmp_path / "in")
    assert folder["d/a.conf"] == b"a"
    assert "d/a.conf" in folder
    for name in ("../secret", "link", "d", "none", "a\0b", str(tmp_path / "secret"), 1):
        assert name not in folder
    with pytest.raises(KeyError):
        folder["link"]
    assert sorted(name for name in folder if name in folder) == ["d/a.conf"]

"""Ports for tests and demos that run beside each other: nobody is given what another has, or was just given."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import pytest

from softswitch.demo.ports import Blocks, NoPort, Singles, free_port, free_range, is_free

HOST = "127.0.0.1"
FIRST = 8000  # nobody else picks from here; each test has a hundred of its own

OTHER = """
import sys
from softswitch.demo.ports import Blocks
print(Blocks({first}, {last}, 20, most=1).claim(), flush=True)
sys.stdin.read()
"""


def test_what_one_was_given_nobody_else_is_though_it_is_not_in_use_yet() -> None:
    one, other = (Singles(Blocks(FIRST, FIRST + 79, 20, most=1)) for _ in range(2))
    mine, others = ({singles.next(HOST, 2) for _ in range(9)} for singles in (one, other))
    assert len(mine) == len(others) == 9  # each once, before the first comes again
    assert not mine & others
    assert all(port % 2 == 0 for port in mine | others)


def test_the_oldest_comes_again_only_after_all_others() -> None:
    singles = Singles(Blocks(FIRST + 100, FIRST + 119, 20, most=1))
    once = [singles.next(HOST, 2) for _ in range(9)]
    assert [singles.next(HOST, 2) for _ in range(9)] == once


def test_some_behind_it_when_asked_for_them() -> None:
    singles = Singles(Blocks(FIRST + 120, FIRST + 139, 20, most=1))
    assert singles.next(HOST, 4) == FIRST + 122
    assert [singles.next(HOST, 2) for _ in range(6)] == list(range(FIRST + 126, FIRST + 138, 2))
    assert singles.next(HOST, 4) == FIRST + 122  # the last one is alone


@pytest.mark.parametrize("behind", [0, 1])
@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM])
def test_a_port_and_the_one_behind_it_are_free(behind: int, kind: int) -> None:
    first = FIRST + 200 + 20 * (2 * behind + (kind == socket.SOCK_STREAM))
    with socket.socket(socket.AF_INET, kind) as stranger:
        stranger.bind((HOST, first + 6 + behind))
        singles = Singles(Blocks(first, first + 19, 20, most=1))
        given = {singles.next(HOST, 2) for _ in range(8)}
    assert first + 6 not in given and len(given) == 8


def test_when_all_are_in_use_that_is_said() -> None:
    blocks = Blocks(FIRST + 300, FIRST + 319, 20, most=1)
    singles = Singles(blocks)
    taken = []
    for _ in range(9):
        taken.append(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        taken[-1].bind((HOST, singles.next(HOST, 2)))
    with pytest.raises(NoPort, match="no port is free between 8300 and 8319"):
        singles.next(HOST, 2)
    for each in taken:
        each.close()
    assert singles.next(HOST, 2)


def test_the_blocks_of_a_process_are_free_when_it_has_ended(project: Path) -> None:
    first, last = FIRST + 400, FIRST + 439  # two blocks
    mine = Blocks(first, last, 20, most=1).claim()
    other = subprocess.Popen(
        [sys.executable, "-c", OTHER.format(first=first, last=last)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        said = other.stdout.readline().strip()
        assert said.startswith("range(") and said != str(mine)
        assert Blocks(first, last, 20, most=1).claim() is None
    finally:
        other.kill()
        other.communicate()
    assert str(Blocks(first, last, 20, most=1).claim()) == said


def test_ranges_of_two_do_not_overlap_and_each_uses_its_own_again() -> None:
    one, other = (Blocks(FIRST + 500, FIRST + 599, 20, most=2) for _ in range(2))
    first, last = free_range(30, HOST, one)  # two blocks
    assert (first % 2, last - first) == (0, 29)
    assert all(is_free(HOST, port, (socket.SOCK_DGRAM,)) for port in range(first, last + 1))
    taken = free_range(20, HOST, other)
    assert taken[1] < first or last < taken[0]
    assert free_range(10, HOST, one) == (first, first + 9)  # it has as many as it should
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as phone:
        phone.bind((HOST, first + 1))
        again = free_range(10, HOST, one)  # in use: one more after all
    assert again[1] < first or last < again[0]


def test_the_demo_takes_none_of_the_system_or_of_a_switch() -> None:
    assert free_port() != free_port()
    assert 10_100 < free_port() < 12_000
    first, last = free_range(200)
    assert 12_000 <= first < last < 20_000

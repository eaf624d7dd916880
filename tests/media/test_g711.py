"""G.711 against known codes, and against the interpreter's own codec while it still has one."""

from __future__ import annotations

import warnings

import numpy as np
import pytest

from softswitch.media import companding, g711

ALL_SAMPLES = np.arange(-32768, 32768, dtype=np.int16)
ALL_CODES = bytes(range(256))


@pytest.mark.parametrize(
    ("sample", "ulaw", "alaw"),
    [(0, 0xFF, 0xD5), (-1, 0x7E, 0x55), (32767, 0x80, 0xAA), (-32768, 0x00, 0x2A), (1000, 0xCE, 0xFA)],
)
def test_known_codes(sample: int, ulaw: int, alaw: int) -> None:
    samples = np.array([sample], dtype=np.int16)
    assert g711.linear_to_ulaw(samples)[0] == ulaw
    assert g711.linear_to_alaw(samples)[0] == alaw


def test_codes_survive_the_way_through_linear() -> None:
    assert g711.linear_to_alaw(g711.alaw_to_linear(ALL_CODES)) == ALL_CODES
    # u-law has two zeros; the negative one comes back as the positive one
    assert g711.linear_to_ulaw(g711.ulaw_to_linear(ALL_CODES)) == ALL_CODES.replace(b"\x7f", b"\xff")


def test_same_as_the_interpreters_codec() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop")
    linear = ALL_SAMPLES.tobytes()
    assert g711.linear_to_ulaw(ALL_SAMPLES) == audioop.lin2ulaw(linear, 2)
    assert g711.linear_to_alaw(ALL_SAMPLES) == audioop.lin2alaw(linear, 2)
    assert g711.ulaw_to_linear(ALL_CODES).tobytes() == audioop.ulaw2lin(ALL_CODES, 2)
    assert g711.alaw_to_linear(ALL_CODES).tobytes() == audioop.alaw2lin(ALL_CODES, 2)


def test_error_is_below_the_quantisation_step() -> None:
    loud = np.abs(ALL_SAMPLES.astype(np.int32))
    for back in (
        g711.ulaw_to_linear(g711.linear_to_ulaw(ALL_SAMPLES)),
        g711.alaw_to_linear(g711.linear_to_alaw(ALL_SAMPLES)),
    ):
        error = np.abs(back.astype(np.int32) - ALL_SAMPLES)
        assert np.all(error[loud < 32000] <= np.maximum(16, loud[loud < 32000] // 16))


def test_translation_changes_a_code_by_a_step_at_most() -> None:
    for there, back, decode in (
        (g711.ulaw_to_alaw, g711.alaw_to_ulaw, g711.ulaw_to_linear),
        (g711.alaw_to_ulaw, g711.ulaw_to_alaw, g711.alaw_to_linear),
    ):
        before = decode(ALL_CODES).astype(np.int32)
        after = decode(back(there(ALL_CODES))).astype(np.int32)
        assert np.all(np.abs(after - before) <= np.maximum(16, np.abs(before) // 16))


def test_silence() -> None:
    assert companding.ULAW_TO_LINEAR[companding.ULAW_SILENCE] == 0
    assert abs(companding.ALAW_TO_LINEAR[companding.ALAW_SILENCE]) == 8

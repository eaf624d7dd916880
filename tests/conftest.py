"""What every test may use: where the project is, and free ports of the loop-back address."""

from __future__ import annotations

import gc
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

from softswitch.demo import ports

ROOT = Path(__file__).resolve().parent.parent

# How long one example took says more of a busy machine than of the code; the limit of a test is pytest's own.
settings.register_profile("tests", deadline=None)
settings.load_profile("tests")

# A shell starts background jobs with SIGINT ignored, and so would every program that a test starts and interrupts.
if threading.current_thread() is threading.main_thread():
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """What was collected stays: the garbage collector need not look at 300 000 objects of it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With `--dist loadgroup` a module stays in one process, as its switch does; what mostly waits comes first, each
    test for itself."""
    if not getattr(config.option, "loadgroup", False):
        return
    for item in items:
        alone = item.get_closest_marker("slow") is not None
        item.add_marker(pytest.mark.xdist_group(item.name if alone else str(item.path.relative_to(ROOT))))
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.fixture(scope="session")
def project() -> Path:
    """The top of the checkout."""
    return ROOT


@pytest.fixture
def free_port() -> Callable[[], int]:
    """A port of 127.0.0.1 that nobody has bound for UDP or TCP, each call another one."""
    return ports.free_port

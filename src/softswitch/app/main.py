"""`softswitch run`: the event loop around a switch, its signals and its log."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
import sys
from collections.abc import Callable
from typing import Any

import structlog
import uvloop

from softswitch.app.switch import Switch
from softswitch.call.errors import StartError
from softswitch.call.settings import Settings

log = structlog.get_logger()


def run_switch(settings: Settings, progress: Callable[[int, int], None] | None = None) -> int:
    """Run until SIGTERM or SIGINT. 0 after an orderly stop, 2 when it cannot start (one sentence on stderr)."""
    _log_to_stderr()
    _raise_descriptor_limit()
    return uvloop.run(_serve(settings, progress))


async def _serve(settings: Settings, progress: Callable[[int, int], None] | None) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        for warning in settings.warnings:
            log.warning("configuration_warning", warning=warning)
        switch = await Switch.start(settings, progress, stop)
    except StartError as problem:
        print(f"softswitch: {problem}", file=sys.stderr)
        return 2
    for flow in switch.addresses:
        log.info("listening", address=f"{flow.transport}://{flow.local[0]}:{flow.local[1]}")
    loop.add_signal_handler(signal.SIGHUP, switch.read_again)
    log.info("ready", http=f"http://{switch.http.host}:{switch.http.port}", agents=len(settings.acd.agents))
    _calm_the_collector()
    await stop.wait()
    log.info("stopping")
    await switch.stop()
    return 0


def renderer(terminal: bool) -> Any:
    """One line for each event, whatever a stranger wrote: no escape of his reaches a terminal, no line break a log."""
    if terminal:
        return structlog.dev.ConsoleRenderer(colors=True, repr_native_str=True)
    return structlog.processors.JSONRenderer()


def _log_to_stderr() -> None:
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer(sys.stderr.isatty()),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )


def _calm_the_collector() -> None:
    """What was made at the start lives as long as the process: the collector need not look at it again, which would
    stop every call for some tens of milliseconds now and then."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _raise_descriptor_limit() -> None:
    """Each call needs descriptors; the soft limit of a login shell is far too low."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))

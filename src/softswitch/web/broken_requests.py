"""Requests that are no HTTP: aiohttp answers and logs them itself, before anything of ours sees them.

Its answers name no version ("Server" is a word), and the garbage of a stranger writes no traceback into the log. A
defect of ours does, as one line like every other.
"""

from __future__ import annotations

import logging

import structlog
from aiohttp import web_response
from aiohttp.http_exceptions import HttpProcessingError

log = structlog.get_logger("softswitch.web")

# Answers to broken requests pass no signal of the application where the header could be taken off.
vars(web_response)["SERVER_SOFTWARE"] = "softswitch"


class _OneLine(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        error = record.exc_info[1] if record.exc_info else None
        if record.levelno >= logging.ERROR and not isinstance(error, (HttpProcessingError, ConnectionError)):
            log.error("HTTP request failed", reason=record.getMessage()[:200], exc_info=record.exc_info)


LOGGER = logging.getLogger("softswitch.web.http")  # `logger` of a runner
LOGGER.propagate = False
LOGGER.handlers = [_OneLine()]

"""The listener of the HTTP application."""

from __future__ import annotations

import errno

from aiohttp import web

from softswitch.call.errors import StartError
from softswitch.web.broken_requests import LOGGER


class HttpServer:
    """A running listener; `port` is the real one when 0 was asked for."""

    def __init__(self, runner: web.AppRunner, host: str, port: int) -> None:
        self._runner = runner
        self.host = host
        self.port = port

    async def close(self) -> None:
        await self._runner.cleanup()


async def start_http(app: web.Application, host: str, port: int) -> HttpServer:
    """Listen; StartError when the address cannot be had."""
    runner = web.AppRunner(app, access_log=None, logger=LOGGER, handle_signals=False, shutdown_timeout=2.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        reason = "it is taken" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
        raise StartError(f"The HTTP address {host}:{port} cannot be opened: {reason}.") from error
    return HttpServer(runner, host, int(runner.addresses[0][1]))

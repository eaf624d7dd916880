"""Fetches the certificates that callers' identities name: from listed hosts alone, short, and not for long.

The core has judged the URL already; each redirect is judged by the same rule, and only one is followed. Nothing of an
answer is believed here: the chain is verified by `sip.stir_certificate`.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable
from typing import Any
from urllib.parse import urljoin

import aiohttp

from softswitch.sip.stir import url_allowed
from softswitch.sip.stir_certificate import MOST_BYTES
from softswitch.sip.stir_messages import CertificateFetched, FetchCertificate, StirSettings

_SECONDS = 5.0
_MOST_REDIRECTS = 1
_MAX_AGE = re.compile(r"(?:^|[\s,])max-age=([0-9]{1,9})")


class CertificateFetcher:
    """An effect for `FetchCertificate`. Whether a host is who it says is for the machine's authorities."""

    def __init__(self, settings: StirSettings, post: Callable[[Any], None]) -> None:
        self._settings = settings
        self._post = post
        self._tls = ssl.create_default_context() if settings.hosts else None  # reads files: not while calls are up
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def fetch(self, command: FetchCertificate) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(command.url))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()

    async def _answer(self, url: str) -> None:
        try:
            async with asyncio.timeout(_SECONDS):
                pem, keep = await self._get(url)
        except TimeoutError:
            self._post(CertificateFetched(url, None, "it took too long"))
        except (aiohttp.ClientError, OSError, ValueError) as error:
            self._post(CertificateFetched(url, None, f"{type(error).__name__}: {error}"[:150]))
        else:
            self._post(CertificateFetched(url, pem, "", keep))

    async def _get(self, url: str) -> tuple[bytes, float | None]:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=50, ssl=True if self._tls is None else self._tls)
            # No proxy of the environment, no cookies, no name of ours.
            self._session = aiohttp.ClientSession(
                connector=connector, cookie_jar=aiohttp.DummyCookieJar(), headers={"User-Agent": "stir"}
            )
        for _ in range(_MOST_REDIRECTS + 1):
            if not url_allowed(url, self._settings):
                raise ValueError("it leads to a host that is not listed")
            async with self._session.get(url, allow_redirects=False) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    url = urljoin(url, answer.headers.get("Location", ""))
                    continue
                if answer.status != 200:
                    raise ValueError(f"status {answer.status}")
                pem = await answer.content.read(MOST_BYTES + 1)
                while len(pem) <= MOST_BYTES and not answer.content.at_eof():
                    pem += await answer.content.read(MOST_BYTES + 1 - len(pem))
                if len(pem) > MOST_BYTES:
                    raise ValueError("it is too big")
                found = _MAX_AGE.search(answer.headers.get("Cache-Control", "").lower())
                return pem, float(found[1]) if found is not None else None
        raise ValueError("too many redirects")

"""Prompts as G.711 bytes: read once from `<directory>/<key>.ulaw`, shared by all callers, dropped when long unused.

A key names its content: a prompt that changes gets a new key, so nothing here is ever read twice for being new.
"""

from __future__ import annotations

import logging
import os
from collections import OrderedDict

from softswitch.media.companding import ULAW_TO_ALAW
from softswitch.media.rtp import PCMA

CACHE_BYTES = 64 << 20
MAX_PROMPT_BYTES = 16 << 20  # 35 minutes

log = logging.getLogger(__name__)


class PromptLibrary:
    __slots__ = ("_cache", "_directory", "_limit", "_size")

    def __init__(self, directory: str, cache_bytes: int = CACHE_BYTES) -> None:
        self._directory = directory
        self._cache: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._limit = cache_bytes
        self._size = 0

    @property
    def cached_bytes(self) -> int:
        return self._size

    def get(self, key: str, payload_type: int) -> bytes | None:
        """The whole prompt in this encoding; None (and a log line) when it cannot be read."""
        entry = (key, payload_type)
        clip = self._cache.get(entry)
        if clip is not None:
            self._cache.move_to_end(entry)
            return clip
        clip = self._read(key)
        if clip is None:
            return None
        if payload_type == PCMA:
            clip = clip.translate(ULAW_TO_ALAW)
        self._cache[entry] = clip
        self._size += len(clip)
        # players hold their own reference: a clip that is forgotten while it plays goes on playing
        while self._size > self._limit and len(self._cache) > 1:
            self._size -= len(self._cache.popitem(last=False)[1])
        return clip

    def _read(self, key: str) -> bytes | None:
        parts = key.split("/")
        if "\0" in key or any(part in ("", ".", "..") for part in parts):
            log.error("prompt key %r is not allowed", key)
            return None
        path = os.path.join(self._directory, key + ".ulaw")
        try:
            with open(path, "rb") as file:
                clip = file.read(MAX_PROMPT_BYTES + 1)
        except OSError as error:
            log.error("prompt %r cannot be read: %s", key, error)
            return None
        if len(clip) > MAX_PROMPT_BYTES:
            log.error("prompt %r is longer than %d bytes", key, MAX_PROMPT_BYTES)
            return None
        return clip

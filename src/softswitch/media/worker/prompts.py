"""Prompts: read once from the prompt directory, shared by all callers, dropped when long unused.

    <key>.ulaw   8 kHz u-law: every prompt has it; G.711 is played from it as it is
    <key>.s16k   16 kHz, 16 bits, little-endian: for G.722 and Opus, of prompts that have more to hear

A key names its content: a prompt that changes gets a new key, so nothing here is ever read twice for being new.
"""

from __future__ import annotations

import logging
import os
from collections import OrderedDict

from softswitch.media.codecs import PCMA, PCMU, Codec
from softswitch.media.companding import ULAW_TO_ALAW
from softswitch.media.worker.clips import Clip
from softswitch.media.worker.coding import ready
from softswitch.media.worker.player import CodedPlaylist, Playlist

CACHE_BYTES = 64 << 20
MAX_PROMPT_BYTES = 16 << 20  # 35 minutes

log = logging.getLogger(__name__)


class PromptLibrary:
    __slots__ = ("_cache", "_directory", "_limit", "_size")

    def __init__(self, directory: str, cache_bytes: int = CACHE_BYTES) -> None:
        self._directory = directory
        self._cache: OrderedDict[tuple[str, str], bytes | Clip] = OrderedDict()
        self._limit = cache_bytes
        self._size = 0

    @property
    def cached_bytes(self) -> int:
        return self._size

    def playlist(self, keys: tuple[str, ...], loops: int, codec: Codec) -> Playlist | CodedPlaylist | None:
        """These prompts one after another, `loops` times (0: for ever); None when one of them cannot be read.
        `ValueError`: nothing can be said in this codec here."""

        def again(codec: Codec) -> Playlist | CodedPlaylist | None:
            return self.playlist(keys, loops, codec)

        if codec in (PCMU, PCMA):
            heard = [self.get(key, codec) for key in keys]
            whole = tuple(clip for clip in heard if clip is not None)
            return Playlist(whole, loops, codec, again) if len(whole) == len(keys) else None
        ready(codec)
        coded = [self.coded(key, codec) for key in keys]
        clips = tuple(clip for clip in coded if clip is not None)
        return CodedPlaylist(clips, loops, again) if len(clips) == len(keys) else None

    def get(self, key: str, codec: Codec = PCMU) -> bytes | None:
        """The whole prompt in G.711; None (and a log line) when it cannot be read."""
        found = self._found(key, codec)
        if found is not None:
            assert isinstance(found, bytes)
            return found
        clip = self._read(key, ".ulaw")
        if clip is None:
            return None
        if codec is PCMA:
            clip = clip.translate(ULAW_TO_ALAW)
        self._keep(key, codec, clip, len(clip))
        return clip

    def coded(self, key: str, codec: Codec) -> Clip | None:
        """The prompt in frames of G.722 or Opus, encoded as they are asked for."""
        found = self._found(key, codec)
        if found is not None:
            assert isinstance(found, Clip)
            return found
        sound = self._read(key, ".s16k", wanted=False)
        wide = bool(sound)
        if not sound:
            sound = self._read(key, ".ulaw")
        if sound is None:
            return None
        clip = Clip(sound, codec, wide=wide)
        self._keep(key, codec, clip, clip.size)
        return clip

    def _found(self, key: str, codec: Codec) -> bytes | Clip | None:
        found = self._cache.get((key, codec.name))
        if found is not None:
            self._cache.move_to_end((key, codec.name))
        return found

    def _keep(self, key: str, codec: Codec, clip: bytes | Clip, size: int) -> None:
        self._cache[key, codec.name] = clip
        self._size += size
        # players hold their own reference: a clip that is forgotten while it plays goes on playing
        while self._size > self._limit and len(self._cache) > 1:
            gone = self._cache.popitem(last=False)[1]
            self._size -= len(gone) if isinstance(gone, bytes) else gone.size

    def _read(self, key: str, kind: str, *, wanted: bool = True) -> bytes | None:
        """A whole file. `wanted` False: it need not be there, nor be used when it is too long."""
        parts = key.split("/")
        if "\0" in key or any(part in ("", ".", "..") for part in parts):
            log.error("prompt key %r is not allowed", key)
            return None
        path = os.path.join(self._directory, key + kind)
        try:
            with open(path, "rb") as file:
                clip = file.read(MAX_PROMPT_BYTES + 1)
        except OSError as error:
            if wanted:
                log.error("prompt %r cannot be read: %s", key, error)
            return None
        if len(clip) > MAX_PROMPT_BYTES:
            if wanted:
                log.error("prompt %r is longer than %d bytes", key, MAX_PROMPT_BYTES)
            return None
        return clip

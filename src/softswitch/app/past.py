"""Questions about the past, answered by a process of their own: replaying a journal must not hold up a call.

One at a time; a second question waits for the first, and none is given more than a minute.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from softswitch.ids import AgentId, InteractionId
from softswitch.web.views import PastError

SECONDS: Final = 60.0
_MOST_WAITING: Final = 4


class Past:
    """Asks `softswitch why` over the journal's directory."""

    def __init__(self, directory: Path, timezone: str) -> None:
        self._directory = directory
        self._timezone = timezone
        self._one = asyncio.Lock()
        self._asked = 0

    async def why(self, interaction: InteractionId, agent: AgentId | None, at: str) -> Mapping[str, Any]:
        if self._asked >= _MOST_WAITING:
            raise PastError("Others ask about the past just now; try again in a moment.")
        self._asked += 1
        try:
            async with self._one:
                return await self._ask(interaction, agent, at)
        finally:
            self._asked -= 1

    async def _ask(self, interaction: InteractionId, agent: AgentId | None, at: str) -> Mapping[str, Any]:
        words = [sys.executable, "-m", "softswitch", "why", str(interaction), f"--at={at}", "--json"]
        words += ["--journal", str(self._directory), "--timezone", self._timezone]
        words += [f"--agent={agent}"] if agent is not None else []
        process = await asyncio.create_subprocess_exec(
            *words, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            out, err = await asyncio.wait_for(process.communicate(), SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()
            raise PastError("The journal could not be replayed within a minute.") from None
        if process.returncode:
            said = err.decode(errors="replace").strip().rpartition("\n")[2].removeprefix("softswitch: ")
            raise PastError(said or "The journal could not be replayed.")
        found = json.loads(out)
        assert isinstance(found, dict)
        return found

"""What a queue tells an agent before she is connected."""

from __future__ import annotations

from typing import Any

from softswitch.config.language import QueueDoc
from softswitch.config.references import Known

_VARIABLES = ("queue", "caller", "waiting")


def tell_agent(name: str, doc: QueueDoc, known: Known) -> dict[str, Any]:
    """The fields of `QueueTexts` for it. The name of the queue is known here, so that it is spoken in one piece with
    the words around it."""
    if doc.tell_agent is None:
        return {}
    say = known.say(doc.tell_agent, _VARIABLES)
    shown = str(doc.name) or name
    texts = {language: text.replace("{queue}", shown) for language, text in say.texts.items()}
    return {"tell_agent": type(say)(texts=texts, files=say.files), "tell_agent_seconds": doc.tell_agent_at_most}

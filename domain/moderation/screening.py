"""A look at what somebody made by an endpoint for moderation (https://platform.openai.com/docs/guides/moderation),
where AI_URL names one and the setting says so.

It never stands in anybody's way: what it doesn't answer in time is «unscreened», shown, and stands in line for somebody
to look. After three failures in a row it isn't asked for half a minute.
"""

import base64
import logging
import threading
import time

from domain.base import configuration, settings
from domain.base.ai import asking

log = logging.getLogger("guildhall.moderation")
WITHIN, FAILURES, RESTS = 1.5, 3, 30  # seconds for an answer; failures in a row; seconds of rest
OK, FLAGGED, UNSCREENED = "ok", "flagged", "unscreened"
clock = time.monotonic


class _Breaker:
    """Counts failures in a row."""

    def __init__(self):
        self.lock, self.failures, self.rests_until = threading.Lock(), 0, 0.0

    def is_closed(self):
        return clock() >= self.rests_until

    def note(self, is_good):
        with self.lock:
            self.failures = 0 if is_good else self.failures + 1
            if self.failures >= FAILURES:
                self.failures, self.rests_until = 0, clock() + RESTS


breaker = _Breaker()


def is_on():
    """Whether new things are screened."""
    return asking.is_set() and settings.get("flyer_screening")


def look(picture, words, type="image/jpeg"):
    """OK, FLAGGED or UNSCREENED, for the bytes of a picture and the words in it."""
    if not breaker.is_closed():
        return UNSCREENED
    picture = f"data:{type};base64,{base64.b64encode(picture).decode()}"
    given = [{"type": "image_url", "image_url": {"url": picture}}]
    given += [{"type": "text", "text": words}] if words else []
    model = configuration.active.ai_moderation_model
    try:
        answer = asking.post("/moderations", {"input": given} | ({"model": model} if model else {}), within=WITHIN)
        flags = [one["flagged"] for one in answer["results"]]
        is_flagged = any(flag is True for flag in flags)
        if not flags or not all(isinstance(flag, bool) for flag in flags):
            raise asking.NoAnswer("Its answer says nothing.")
    except asking.NoAnswer as failure:
        return _unscreened(str(failure))
    except (KeyError, TypeError):
        return _unscreened("Its answer isn't one about moderation.")
    breaker.note(True)
    return FLAGGED if is_flagged else OK


def _unscreened(why):
    breaker.note(False)
    log.warning("a flyer wasn't screened: %s", why)
    return UNSCREENED

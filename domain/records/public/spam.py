"""What looks as if no person had sent it, told without asking anybody else: such answers wait until somebody looked.

A page of ours has a stamp: when it was drawn, signed. The browser does a little work on it while somebody writes, as
altcha has it; where no script runs the work isn't done, and the answer waits.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from limits import parse

from database.clock import now
from domain import Refused
from domain.base import allowances, keys

TRAP = "website"  # a field that people don't see
SOONEST, LATEST = timedelta(seconds=3), timedelta(days=1)
BITS = 14  # zero bits that the hash of a stamp with its proof begins with: some 16,000 tries
SUSPECT = 3  # points of what is written
SAME = parse("2/day")  # answers of the same words

REASONS = {
    "trap": "A field that people don’t see was filled in",
    "stamp": "It didn’t come from the form’s page",
    "fast": "It was sent within three seconds",
    "proof": "The browser ran no script, so nothing proves that it isn’t a machine",
    "often": "Many answers came from there",
    "busy": "Very many answers come at once",
    "words": "It is written like advertising",
    "same": "The same words came before",
    "refused": "The table doesn’t take it as it is",
    "files": "Its files were on their way",
    "lost": "It broke off while its files came, and some may be missing",
    "undone": "It was taken out of the table again",
}
_LINK = re.compile(r"https?://|www\.", re.I)
_MARKUP = re.compile(r"<a\s|</a>|\[url|\[link", re.I)


class Old(Refused):
    """The page was drawn too long ago, or was sent with other words: it takes a new stamp."""

    code, status = "INVALID_INPUT", 422

    def __init__(self, sentence="This page was open for more than a day. Look over what you wrote, and send it again."):
        super().__init__(sentence)


@dataclass(frozen=True)
class Stamp:
    """When a page was drawn, and what the answer that is sent with it is known by."""

    text: str
    at: datetime
    key: str


def stamp(link):
    """A new one for a page of this link."""
    about = f"{int(now().timestamp())}.{secrets.token_hex(8)}"
    return f"{about}.{_signed(link, about)[0]}"


def _signed(link, about):
    return [one[:32] for one in keys.keyed_by_each("form stamp", f"{link.id} {about}")]


def stamp_of(link, text):
    """The Stamp that was sent, or None where no page of this link had it. Refuses with Old."""
    text = (text or "")[:100]
    about, _, sent = text.rpartition(".") if text.isascii() else ("", "", "")
    when, _, key = about.partition(".")
    if not any(hmac.compare_digest(sent.encode(), one.encode()) for one in _signed(link, about)):
        return None
    at = datetime.fromtimestamp(int(when), UTC)
    if now() - at > LATEST:
        raise Old
    return Stamp(text, at, key)


def is_proven(stamp, proof):
    """Whether the browser has done the work for this stamp."""
    if not re.fullmatch(r"[0-9]{1,12}", proof or "", re.ASCII):
        return False
    found = hashlib.sha256(f"{stamp.text}:{proof}".encode()).digest()
    return int.from_bytes(found[:4]) >> (32 - BITS) == 0


def judged(link, sent_stamp, form, texts, network):
    """Why an answer should wait: words of REASONS, none for one that comes in at once. `texts` are (one line or long,
    what was written). Refuses with TooOften when too many wait already."""
    reasons = [] if not form.get(TRAP) else ["trap"]
    if sent_stamp is None:
        reasons.append("stamp")
    else:
        reasons += ["fast"] if now() - sent_stamp.at < SOONEST else []
        reasons += [] if is_proven(sent_stamp, form.get("proof")) else ["proof"]
    reasons += ["words"] if points(texts) >= SUSPECT else []
    said = "\n".join(text for _, text in texts)
    digest = hashlib.sha256(said.encode()).hexdigest()
    if len(said) > 20 and _is_beyond(lambda: allowances.hit(SAME, "same_words", str(link.id), digest)):
        reasons.append("same")
    if not reasons:
        reasons += ["often"] if _is_spent(("answers", "answers_of_a_day"), f"{link.id}|{network}") else []
        reasons += ["busy"] if _is_spent(("answers_of_a_link",), str(link.id)) else []
    if reasons:
        allowances.spend("waiting_answers", f"{link.id}|{network}")
        allowances.spend("waiting_answers_of_a_link", str(link.id))
    return reasons


def _is_spent(names, whose):
    return any(_is_beyond(lambda name=name: allowances.spend(name, whose)) for name in names)


def _is_beyond(spend):
    try:
        spend()
    except allowances.TooOften:
        return True
    return False


def points(texts):
    """How much it looks like advertising. `texts` are (whether it is long, what was written)."""
    found = 0
    for is_long, text in texts:
        found += len(_LINK.findall(text)) * (1 if is_long else 2)
        found += SUSPECT if _MARKUP.search(text) else 0
        letters = [sign for sign in text if sign.isalpha()]
        found += len(letters) >= 40 and all(sign.isupper() for sign in letters)
    return found

"""Who was closed for good, beside the copies: a file of numbers and times, so that an older copy that comes back lets
nobody stand up again."""

import json
import os

from domain.people import accounts
from models import Erasure, User

LEDGER = "erased.jsonl"


def note(backups):
    """Write down beside the copies what isn't there yet; returns how many. Twice is once."""
    known = {told["user"] for told in read(backups)}
    new = [row for row in Erasure.select().order_by(Erasure.id) if row.user_id not in known]
    if new:
        backups.mkdir(mode=0o700, exist_ok=True)
        with open(backups / LEDGER, "a", encoding="utf-8") as file:
            for row in new:
                file.write(json.dumps({"user": row.user_id, "at": f"{row.at:%Y-%m-%dT%H:%M:%SZ}"}) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return len(new)


def read(backups):
    """What stands there, oldest first; a line that was cut off is none."""
    path, found = backups / LEDGER, []
    for line in path.read_text("utf-8", "replace").splitlines() if path.exists() else ():
        try:
            told = json.loads(line)
            found.append({"user": int(told["user"]), "at": str(told["at"])})
        except (ValueError, KeyError, TypeError):
            continue
    return found


def replay(backups):
    """Close again whoever was closed: (a sentence for each organization without an owner now, how many they were)."""
    sentences, count = [], 0
    for told in read(backups):
        user = User.get_or_none(User.id == told["user"], User.status != "deleted")
        if user is None or f"{user.created_at:%Y-%m-%dT%H:%M:%SZ}" > told["at"]:
            continue  # a number is never given twice; this one would be another install's
        count += 1
        for name in accounts.erase_again(user):
            sentences.append(f"{name} has no owner any more: an account that was closed was the only one.")
    return sentences, count

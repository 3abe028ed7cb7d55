"""Once-only for programs: under a word of theirs (Idempotency-Key) something is done once, and answered as it was.

As draft-ietf-httpapi-idempotency-key-header has it. The answer is kept in the transaction of what was done, so a kill
leaves both or neither; a repeat that comes meanwhile waits. What was refused did nothing, and may be tried again.
"""

import hashlib
from datetime import timedelta

from database.clock import now
from database.locks import lock
from database.scope import everywhere
from database.transactions import writes
from domain import Refused
from models import ApiAnswer

KEPT = timedelta(hours=24)


class AnotherRequest(Refused):
    code, status = "IDEMPOTENCY_KEY_REUSED", 422


@writes
def once(key, word, asked, act):
    """(status, headers, body, whether it is a repeat) of `act()`, done once for each word of a key within a day.

    `asked` is the whole of what was asked for, as bytes. Refuses with AnotherRequest where the word stood for something
    else, and with whatever `act` refuses.
    """
    word_hash, asked_hash = (hashlib.sha256(said).hexdigest() for said in (word.encode(), asked))
    lock("api answer", f"{key.id} {word_hash}")
    held = ApiAnswer.one(ApiAnswer.key == key.id, ApiAnswer.word_hash == word_hash)
    if held and held.created_at > now() - KEPT:
        if held.asked_hash != asked_hash:
            raise AnotherRequest("This Idempotency-Key was used for something else within a day. Send another one.")
        return held.status, held.headers, held.body, True
    if held:
        ApiAnswer.delete().where(ApiAnswer.id == held.id).execute()
    status, headers, body = act()
    ApiAnswer.create(key=key.id, word_hash=word_hash, asked_hash=asked_hash, status=status, headers=headers, body=body)
    return status, headers, body, False


@writes
def prune(limit):
    """Remove answers that no repeat gets any more."""
    with everywhere("old answers go for all alike"):
        old = ApiAnswer.select(ApiAnswer.id).where(ApiAnswer.created_at < now() - KEPT).limit(limit)
        return ApiAnswer.delete().where(ApiAnswer.id.in_(old)).execute()

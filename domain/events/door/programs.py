"""A program at the door: it scans as a phone of whoever made its key, which is taken off the door like any other."""

from database.clock import now
from database.transactions import writes
from domain import Refused
from domain.events import events
from domain.events.door import checkpoints, devices, scans
from models import Device


def check_in(event_id, asked, *, by):
    """The answer to one scan (scans.Asked) by the key that asks; a nonce that was there is answered as it was.

    What a scan is about is never refused: `result` says it, and `admits` whether somebody came in. Refuses with
    NotFound, where the event has no door now, and with devices.Revoked.
    """
    by.require("events.check_in")
    event = events.one(event_id)
    if not devices.is_there(event):
        raise Refused("This event has no door now: it isn't published, or it is over.", "INVALID_TRANSITION")
    keeper = devices.Keeper(by.user, by.organization, event, by.role)
    answer = scans.take(keeper, _phone(keeper, by.api_key), [asked])[0]
    result = checkpoints.RESULTS[answer["result"]]
    return answer | {"admits": result["admits"], "says": result["says"]}


@writes
def _phone(keeper, key):
    token_hash = devices.hashed(f"api key {key.id} at {keeper.event.id}")
    found = Device.one(Device.token_hash == token_hash)
    if found is None:
        gate = next(iter(checkpoints.of(keeper.event)), None) or checkpoints.chosen(keeper.event, 0)
        about = {"checkpoint": gate, "user": keeper.user, "name": f"Key: {key.name}"[:60], "seen_at": now()}
        Device.insert(event=keeper.event, token_hash=token_hash, **about).on_conflict_ignore().execute()
        found = Device.get(Device.token_hash == token_hash)
    if found.revoked_at:
        raise devices.Revoked("This key was taken off the door. Whoever did that can let it back.")
    return found

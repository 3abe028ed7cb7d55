"""What a published picture looks like before anybody fills it in: for pages, previews, and who has no script."""

from functools import partial
from threading import Lock

from domain.files.worker_process import Overloaded
from domain.flyers import composing, designs, keeping, plans

KEPT = 40  # of about 60 KB
PATIENCE = 1  # seconds; whoever waits holds a request
_kept: dict = {}
_turn = Lock()


def of(version):
    """Its JPEG, half as large as the picture, with the names of what is filled in. Drawn once in a process, one at a
    time: visitors' own are the lane's. Refuses with Overloaded where others stand in line."""
    name = version.id, version.created_at
    if kept := _kept.get(name):
        return kept
    if not _turn.acquire(timeout=PATIENCE):
        raise Overloaded("Other pictures are being drawn. Try again in a moment.", retry_after=2)
    try:
        if name not in _kept:
            made = _drawn(version)
            while len(_kept) >= KEPT:
                del _kept[next(iter(_kept))]
            _kept[name] = made
        return _kept[name]
    finally:
        _turn.release()


def _drawn(version):
    slots = [slot | {"required": False} if "required" in slot else slot for slot in version.spec["slots"]]
    design = version.spec | {"slots": slots}
    words = {slot["key"]: slot["label"][: slot["max"]] for slot in designs.own(slots)}
    picture = partial(keeping.picture, version.organization_id)
    image = composing.drawn(design["size"], plans.laid_out(design, words, None), picture)
    return composing.jpeg(image.reduce(2), 85)

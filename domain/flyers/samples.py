"""What a published picture looks like before anybody fills it in: for pages, previews, and who has no script."""

from functools import partial
from threading import Lock

from domain.flyers import composing, designs, keeping, plans

KEPT = 40  # of about 60 KB
_kept: dict = {}
_turn = Lock()


def of(version):
    """Its JPEG, half as large as the picture, with the names of what is filled in. Drawn once in a process, one at a
    time: visitors' own are the lane's."""
    name = version.id, version.created_at
    with _turn:
        if name not in _kept:
            while len(_kept) >= KEPT:
                del _kept[next(iter(_kept))]
            _kept[name] = _drawn(version)
        return _kept[name]


def _drawn(version):
    slots = [slot | {"required": False} if "required" in slot else slot for slot in version.spec["slots"]]
    design = version.spec | {"slots": slots}
    words = {slot["key"]: slot["label"][: slot["max"]] for slot in designs.own(slots)}
    picture = partial(keeping.picture, version.organization_id)
    image = composing.drawn(design["size"], plans.laid_out(design, words, None), picture)
    return composing.jpeg(image.reduce(2), 85)

"""Draws the flyers that wait, a few at a time, beside the requests and never in the writer's turn.

A `pending` row is all there is of the queue: what a kill cuts off is drawn at the next start. Each try is counted
before it begins, so that a photo that takes the process down isn't tried for ever.
"""

import functools
import logging
import os
from concurrent.futures import ThreadPoolExecutor
from threading import BoundedSemaphore

from database.clock import now
from database.columns import spelled
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Refused
from domain.base import configuration
from domain.files import gate, stores
from domain.flyers import composing, funnel, keeping, plans, reported
from domain.moderation import screening
from models import Flyer, FlyerVersion

log = logging.getLogger("guildhall.flyers")

TAKEN = 24  # flyers at once
TRIES = 3
THREADS = min(2, os.cpu_count() or 1)  # Pillow leaves the others their turns; a third would take pages theirs
_drawing = BoundedSemaphore(THREADS)  # as many again bring what is drawn into the store, which is waiting for a disk


def is_due():
    """Whether any flyer waits."""
    return Flyer.select().where(spelled("state = 'pending'"), ~Flyer.is_sending).exists()


def work():
    """Draw some of the flyers that wait, the oldest first and failed ones last; returns how many it looked at."""
    with everywhere("flyers of every organization are drawn alike"):
        waits = Flyer.select(Flyer, FlyerVersion).join(FlyerVersion)
        order = Flyer.tries, Flyer.id
        waits = waits.where(spelled("state = 'pending'"), ~Flyer.is_sending)
        waiting = list(waits.order_by(*order).limit(TAKEN))
        if waiting and waiting[0].tries:
            waiting = waiting[:1]  # alone: what it takes down, if it does, must not be another's try
        due = [flyer for flyer in waiting if flyer.tries < TRIES]
        for flyer in due:
            flyer.campaign  # noqa: B018  read here: who draws asks no database
        if due:
            _count_tries([flyer.id for flyer in due])
    for flyer in waiting:
        if flyer.tries >= TRIES:
            keeping.end(flyer, "removed", "failed")
    is_down = False
    tried = functools.partial(_tried, screens=screening.is_on()) if due else _tried
    for flyer, made in zip(due, _pool().map(tried, due), strict=True):
        _settle(flyer, made)
        is_down |= isinstance(made, stores.StoreDown)
    return 0 if is_down else len(waiting)  # the next tick asks the store again


@functools.cache
def _pool():
    return ThreadPoolExecutor(2 * THREADS, thread_name_prefix="flyers")


@writes
def _count_tries(ids):
    Flyer.update(tries=Flyer.tries + 1).where(Flyer.id.in_(ids)).execute()


def _tried(flyer, screens=False):
    """Hashes of its files and the verdict of who screens it, or why there are none."""
    try:
        made = drawn(flyer)
        return made | {"verdict": _screened(flyer, made) if screens else None}
    except Exception as failure:
        return failure


def drawn(flyer):
    """Draw a flyer and put its files into the store; returns their hashes. Touches no row.
    Refuses with Invalid, gate.NoPhoto and stores.StoreDown."""
    design, photo = flyer.version.spec, keeping.photo(flyer)
    if flyer.photo and photo is None:
        raise gate.NoPhoto("The photo is gone.")
    picture = functools.partial(keeping.picture, flyer.organization_id)
    with _drawing:
        plan = plans.laid_out(design, flyer.fields, None if photo is None else flyer.crop, _leads_to(flyer))
        files = composing.files(composing.drawn(design["size"], plan, picture, photo))
    return {part: keeping.put(flyer.public_id, part, data) for part, data in zip(_MADE, files, strict=True)}


_MADE = ("file", "og", "thumb")


def _screened(flyer, made):
    flyer.og = made["og"]
    return screening.look(
        b"".join(keeping.read(flyer, made["og"]) or ()), "\n".join(filter(None, flyer.fields.values()))
    )


def _leads_to(flyer):
    """Where its code leads: to the campaign, where the next one is made. The device draws the same code before there is
    a flyer, and the page of one is gone after a month."""
    return f"{configuration.active.site_url}/flyers/{flyer.campaign.slug}" if flyer.campaign else ""


def _settle(flyer, made):
    if isinstance(made, dict):
        with inside(flyer.organization_id):
            is_kept = _note_ready(flyer, made)
            if is_kept:
                funnel.count_made(flyer)
        # Whoever deleted it meanwhile took away what was there then.
        (keeping.forget_photo if is_kept else keeping.forget_flyer)(flyer)
    elif isinstance(made, stores.StoreDown):
        with inside(flyer.organization_id):
            _take_try_back(flyer)
    elif isinstance(made, Refused):
        keeping.end(flyer, "removed", "failed")  # it would be refused again
    else:
        log.error("a flyer wasn't drawn", extra={"flyer": flyer.public_id}, exc_info=made)
        if flyer.tries + 1 >= TRIES:
            keeping.end(flyer, "removed", "failed")


@writes
def _note_ready(flyer, made):
    verdict, hashes = made.get("verdict"), {part: made[part] for part in _MADE}
    hashes["is_unscreened"] = verdict == screening.UNSCREENED
    waits = Flyer.id == flyer.id, Flyer.state == "pending"
    is_kept = Flyer.update(state="ready", ready_at=now(), photo=None, **hashes).where(*waits).execute()
    if is_kept:
        reported.place(flyer.id, verdict)
    return is_kept


@writes
def _take_try_back(flyer):
    Flyer.update(tries=Flyer.tries - 1).where(Flyer.id == flyer.id).execute()

"""Batches: flyers of many people at once, from a table and a ZIP of photos that an organizer brings.

queued → running → done | failed, and running → stopping → done. A batch is looked at when it is brought and costs
nothing; when it is begun, credits are held for its good rows. What was drawn is paid once, when it is over: drawing.py.
"""

import shutil
import zipfile
from collections import Counter
from datetime import UTC, datetime, timedelta

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.base import configuration, history, long_jobs
from domain.entitlements import credit_holds
from domain.fields.choice import Choice
from domain.fields.kinds import Field, clean
from domain.fields.moment import Moment
from domain.fields.number import Number, counted
from domain.fields.text import Text
from domain.files import made_files, stores
from domain.flyers import flyers
from domain.flyers.batches import bringing
from domain.flyers.organizing import templates
from domain.lists import rows
from domain.lists.listing import NEWEST, Act, Listing
from models import FlyerBatch, FlyerBatchRow

JOB = "flyer_batch"
FEATURE, PRICE = "flyers.batch", 1  # credits of a picture that was drawn
HELD = timedelta(days=14)  # far longer than a batch takes, also where the server is off meanwhile
KEPT = timedelta(days=7)  # that one which nobody begins waits
STATE = Choice(
    (
        ("queued", "To begin", "info"),
        ("running", "Being drawn", "info"),
        ("stopping", "Stopping", "warn"),
        ("done", "Done", "good"),
        ("failed", "Failed", "bad"),
    )
)


class InvalidTransition(Refused):
    code = "INVALID_TRANSITION"


class NoRoom(Refused):
    """The disk is nearly full."""

    code, status = "UNAVAILABLE", 503

    def __init__(self):
        super().__init__("This site has no room for more photos at the moment. Try again later.", retry_after=600)


def one(id):
    """The batch with this id. Refuses with NotFound."""
    return existing(FlyerBatch.one(FlyerBatch.id == (id or 0)), "There is no such batch here.")


def rows_of(batch):
    """Its rows in their order; 500 at most."""
    return list(FlyerBatchRow.select().where(FlyerBatchRow.batch == batch.id).order_by(FlyerBatchRow.n))


def count(batch, state):
    """How many of its rows are in a state: waiting, done or failed."""
    return FlyerBatchRow.select().where(FlyerBatchRow.batch == batch.id, FlyerBatchRow.state == state).count()


def price(batch):
    """How many credits are held for it when it is begun: of its good rows alone."""
    return PRICE * count(batch, "waiting")


def photos_of(batch):
    """Where its photos lie until it is over."""
    return configuration.active.data / "archives" / f"{batch.public_id}.photos"


def hold_key(public_id):
    """What its credits are held under."""
    return f"flyer_batch:{public_id}"


def job_of(batch):
    """The long job that draws it, open or over, or None."""
    return long_jobs.newest(JOB, batch.public_id)


# --- bringing one ------------------------------------------------------------------------------------------------


def take(template, table, name, photos, *, by):
    """Look at a table (a stream) and a ZIP of photos (a path, or None) for a template's published picture; returns the
    FlyerBatch, whose rows say what is wrong with them. Nothing is paid or drawn.

    Refuses with Forbidden, with NoRoom, and with Invalid where the files as a whole can't be read.
    """
    by.require("flyers.write")
    if shutil.disk_usage(configuration.active.data).free < flyers.FREE:
        raise NoRoom()
    chosen = templates.one(template)
    version = templates.live(chosen)
    if version is None:
        raise Invalid({"template": f"{chosen.name} isn't published."})
    columns, cells = bringing.table(table)
    bringing.places(version.spec, columns)
    found = bringing.Photos(photos)
    batch = _create(version, " ".join(clean(name).split())[-120:] or "Names", by)
    photos_of(batch).parent.mkdir(parents=True, exist_ok=True)
    # The row is there before the file, so no file lies here that no row knows.
    with stores.whole(photos_of(batch)) as out, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        judged = bringing.judged(version.spec, columns, cells, found, _keeper(packed))
    return _fill(batch, judged, by)


def _keeper(packed):
    kept = set()

    def keep(sha256, data):
        if sha256 not in kept:
            kept.add(sha256)
            packed.writestr(sha256, data)

    return keep


@writes
def _create(version, name, by):
    return FlyerBatch.create(version=version, name=name, by=by.user)


@writes
def _fill(batch, judged, by):
    for n, (words, photo, wrong) in enumerate(judged, 1):
        state = "failed" if wrong else "waiting"
        FlyerBatchRow.create(batch=batch, n=n, fields=words, photo=photo, state=state, error=wrong)
    FlyerBatch.update(total=len(judged)).where(FlyerBatch.id == batch.id).execute()
    history.note("flyer_batch.brought", f"{batch.name}: {len(judged)} rows were brought", batch, by=by, verb="created")
    return one(batch.id)


# --- its states --------------------------------------------------------------------------------------------------


@writes
def begin(id, *, by):
    """Hold credits for its good rows, and have them drawn by a job. Refuses with InsufficientCredits, and with Refused
    where no row is good or it was begun already."""
    by.require("flyers.publish")
    batch = one(id)
    credits = price(batch)
    if batch.state == "queued" and not credits:
        raise Refused("None of its rows can be drawn. Mend the table, then bring it once more.")
    key = hold_key(batch.public_id)
    _move(batch, ("queued",), "running", hold_key=key)
    credit_holds.hold(by.organization, credits, key=key, feature=FEATURE, lasts=HELD, by=by.user)
    about = {"organization": by.organization.id, "batch": batch.id, "key": made_files.new_key()}
    long_jobs.begin(JOB, batch.public_id, by=by.user, total=batch.total, **about)
    history.note("flyer_batch.begun", f"{batch.name}: {counted(credits, 'credit')} held", batch, by=by)
    return f"{batch.name} is being drawn."


@writes
def stop(id, *, by):
    """Draw no more of it. What is drawn is packed and paid, the rest costs nothing."""
    by.require("flyers.publish")
    batch = one(id)
    _move(batch, ("running",), "stopping")
    history.note("flyer_batch.stopped", f"{batch.name} is being stopped", batch, by=by)
    return f"{batch.name} stops after the picture that is being drawn."


def _move(batch, old, new, **values):
    moved = FlyerBatch.update(state=new, **values).where(FlyerBatch.id == batch.id, FlyerBatch.state << old)
    if not moved.execute():
        raise InvalidTransition(f"{batch.name} is {STATE.plain(one(batch.id).state).lower()} already.")


def remove(id, *, by):
    """Delete a batch that isn't being drawn, with its rows and its files. What it cost stays paid."""
    by.require("flyers.write")
    batch, job = _drop(id, by)
    forget(batch, job)
    return f"{batch.name} is deleted."


@writes
def _drop(id, by):
    batch = one(id)
    if not _gone(batch, ("queued", "done", "failed")):
        raise InvalidTransition(f"{batch.name} is being drawn. Stop it first.")
    history.note("flyer_batch.deleted", f"{batch.name} was deleted", batch, by=by)
    return batch, job_of(batch)


def _gone(batch, states):
    """Delete a batch with its rows if it is in one of these states by now; whether it was."""
    return FlyerBatch.delete().where(FlyerBatch.id == batch.id, FlyerBatch.state << states).execute()


def forget(batch, job=None):
    """Let go of the photos of a batch, and with its job of what was made."""
    photos_of(batch).unlink(missing_ok=True)
    if job:
        made_files.place(job).unlink(missing_ok=True)


def drop_old(limit=20):
    """Delete batches that nobody began for a week, with their photos; returns how many."""
    with everywhere("batches of all organizations are let go of alike"):
        old = FlyerBatch.state == "queued", FlyerBatch.created_at < now() - KEPT
        due = list(FlyerBatch.select().where(*old).order_by(FlyerBatch.id).limit(limit))
    dropped = 0
    for batch in due:
        with inside(batch.organization_id):
            is_dropped = _drop_unbegun(batch)
        if is_dropped:  # nobody began it meanwhile
            forget(batch)
            dropped += 1
    _forget_strays()
    return dropped


def _forget_strays():
    """Let go of photos whose rows went with their organization: no batch lives so long."""
    for path in (configuration.active.data / "archives").glob("*.photos"):
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) < now() - HELD - KEPT:
            path.unlink(missing_ok=True)


@writes
def _drop_unbegun(batch):
    return _gone(batch, ("queued",))


# --- as a list ---------------------------------------------------------------------------------------------------


def _notes(shown, by):
    failed = FlyerBatchRow.batch << [row.id for row in shown], FlyerBatchRow.state == "failed"
    found = Counter(row.batch_id for row in FlyerBatchRow.select(FlyerBatchRow.batch).where(*failed)) if shown else {}
    return {id: (("warn", f"{n} can’t be drawn"),) for id, n in found.items()}


rules = rows.Rules(
    Listing(
        *("flyer_batches", "batch", "batches", FlyerBatch),
        (
            Field("name", "Name", Text(120)),
            Field("state", "State", STATE),
            Field("total", "Rows", Number()),
            Field("created_at", "Brought", Moment(past=True)),
        ),
        NEWEST,
        acts=(
            Act(
                *("start", "Draw them", begin, "flyers.publish"),
                when=lambda row: row.state == "queued",
                confirm=f"Draw the good rows of {{name}}? Each picture costs {counted(PRICE, 'credit')}.",
                icon="photo",
            ),
            Act(*("stopping", "Stop", stop, "flyers.publish"), when=lambda row: row.state == "running"),
            Act(
                *("deletion", "Delete", remove, "flyers.write"),
                when=lambda row: row.state in ("queued", "done", "failed"),
                confirm="Delete {name} with its rows and its ZIP? What it cost stays paid.",
                tone="danger",
            ),
        ),
        notes=("Faults", _notes),
        has_pages=True,
        beside=False,
        link=True,
        chips="state",
        reads="flyers.write",
        icon="photo",
        title="Batches of flyers",
        about="Pictures for many people at once, from a table of names and a ZIP of photos.",
        empty=(("all", "Bring a table of names: each row becomes a picture, and all of them a ZIP."),),
    )
)

"""Draws batches, a row after the other and visitors' own flyers first, and packs them into a ZIP.

A picture lies in a folder before its row says so, and a row that says so is never drawn again; so a kill costs at most
one picture's work. What was drawn is paid in the very transaction that ends the batch: once, whatever happened before.
"""

import csv
import io
import logging
import shutil
import threading
import zipfile
from contextlib import suppress
from functools import partial

from database.clock import now
from database.columns import spelled
from database.scope import everywhere, scope
from database.transactions import writes
from domain import Invalid, NotFound, Refused
from domain.base import configuration, long_jobs, outgoing
from domain.entitlements import credit_holds
from domain.files import made_files, stores
from domain.flyers import composing, keeping, plans
from domain.flyers.batches import batches
from domain.imports import reading
from domain.organizations import organizations
from models import Flyer, FlyerBatch, FlyerBatchRow, FlyerCampaign, Organization

log = logging.getLogger("guildhall.flyers")
PATIENCE = 20  # quarters of a second that a row waits for visitors at most


def _drop_old():
    for job in made_files.drop_old(batches.JOB):
        shutil.rmtree(made_files.place(job, ".parts"), ignore_errors=True)
        made_files.place(job, ".part").unlink(missing_ok=True)


def _give_up(job, sentence):
    batch = _batch_of(job)
    _fail(job, batch, sentence)
    if batch is not None:
        batches.photos_of(batch).unlink(missing_ok=True)


def _batch_of(job):
    return FlyerBatch.one(FlyerBatch.id == job.facts["batch"])


@writes
def _fail(job, batch, sentence):
    """It costs nothing."""
    long_jobs.finish(job, error=sentence)
    if batch is not None:
        return _end(batch, "failed", sentence)
    with suppress(NotFound, credit_holds.InvalidTransition):
        credit_holds.release(Organization.get_by_id(scope()), batches.hold_key(job.subject))


@long_jobs.worker(batches.JOB, before=_drop_old, waits=stores.StoreDown, gives_up=_give_up)
def work(job):
    """Draw the batch that was begun first."""
    batch = _batch_of(job)
    if batch is None:
        raise Refused("Its batch was deleted.")
    parts = made_files.place(job, ".parts")
    parts.mkdir(parents=True, exist_ok=True)
    waiting = [row for row in batches.rows_of(batch) if row.state == "waiting"]
    done = batch.total - len(waiting)
    for row in waiting:
        if FlyerBatch.get_by_id(batch.id).state != "running":
            break
        _let_visitors_first()
        failure = "It took the server down." if row is waiting[0] and job.attempts >= long_jobs.MOST else None
        failure = failure or _tried(batch, row, parts)
        done += 1
        _note(job, row, done, failure)
    _pack(job, batch, parts)
    _finish(job, batch)
    shutil.rmtree(parts, ignore_errors=True)
    return batches.photos_of(batch).unlink(missing_ok=True)


def _let_visitors_first():
    """Wait while flyers of visitors wait, but not for ever."""
    for _ in range(PATIENCE):
        with everywhere("visitors of every organization come first"):
            waits = Flyer.select(Flyer.id).where(spelled("state = 'pending'"), ~Flyer.is_sending).limit(1).first()
        if waits is None:
            return
        threading.Event().wait(0.25)


def _tried(batch, row, parts):
    """Draw a row into its file; returns why it couldn't be, or None. Refuses with StoreDown."""
    try:
        with stores.whole(parts / f"{row.n}.jpg") as out:
            out.write(drawn(batch, row))
    except stores.StoreDown:
        raise
    except Invalid as wrong:
        return " ".join(wrong.fields.values())
    except Refused as wrong:
        return wrong.sentence
    except Exception:  # one row that can't be drawn stops none of the others
        log.exception("a row of a batch wasn't drawn", extra={"batch": batch.public_id})
        return "It couldn't be drawn."
    return None


def drawn(batch, row):
    """The JPEG of a row."""
    spec, photo = batch.version.spec, None
    if row.photo:
        with zipfile.ZipFile(batches.photos_of(batch)) as packed:
            photo = packed.read(row.photo)
    plan = plans.laid_out(spec, row.fields, {} if photo else None, _leads_to(batch))
    picture = partial(keeping.picture, batch.organization_id)
    return composing.jpeg(composing.drawn(spec["size"], plan, picture, photo), composing.QUALITY)


def _leads_to(batch):
    """Where its codes lead: to the newest campaign of its template."""
    open_to_all = FlyerCampaign.template == batch.version.template_id, FlyerCampaign.state != "draft"
    found = FlyerCampaign.select().where(*open_to_all).order_by(FlyerCampaign.id.desc()).first()
    return f"{configuration.active.site_url}/flyers/{found.slug}" if found else ""


@writes
def _note(job, row, done, failure):
    state = {"state": "failed", "error": failure[:500]} if failure else {"state": "done"}
    FlyerBatchRow.update(**state).where(FlyerBatchRow.id == row.id, FlyerBatchRow.state == "waiting").execute()
    long_jobs.progress(job, done, lasting=True)


def name_of(row):
    """What a row's picture is called in the ZIP: its number first, so that no two names meet."""
    called = next((text for text in row.fields.values() if text), "")
    return f"{row.n:03}-{organizations.slugged(called, 'flyer')}.jpg"


def _pack(job, batch, parts):
    half = made_files.place(job, ".part")
    with stores.whole(half) as out, zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as packed:
        rows = batches.rows_of(batch)
        for row in rows:
            if row.state == "done":
                packed.write(parts / f"{row.n}.jpg", name_of(row))
        if any(row.error for row in rows):
            packed.writestr("errors.csv", errors(rows))
    half.replace(made_files.place(job))


def errors(rows):
    """A table of the rows that weren't drawn, and why; no spreadsheet runs anything in it."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(("Row", "Name", "What is wrong"))
    for row in rows:
        if row.error:
            called = next((word for word in row.fields.values() if word), "")
            lines.writerow((row.n, reading.guarded(called), reading.guarded(row.error)))
    return text.getvalue().encode("utf-8-sig")


@writes
def _finish(job, batch):
    """Pay for what was drawn, let go of the rest, and say that it is over: all of it or nothing."""
    long_jobs.finish(job)
    _end(batch, "done")
    if batch.by_id:
        organization = Organization.get_by_id(batch.organization_id)
        about = {"link": f"/{organization.slug}/flyers/batches/{batch.id}", "organization": organization}
        title = f"{batch.name or 'Flyers'}: {batches.count(batch, 'done')} of {batch.total} are drawn"
        outgoing.notify(batch.by, "flyer.batch_done", f"flyer_batch:{batch.id}", title, **about)


def _end(batch, state, error=None):
    drawn = batches.PRICE * batches.count(batch, "done") if state == "done" else 0
    over = {"state": state, "error": error, "done_at": now()}
    moved = FlyerBatch.update(**over).where(FlyerBatch.id == batch.id, FlyerBatch.state << ("running", "stopping"))
    if not moved.execute():
        return
    if not drawn:
        credit_holds.release(batch.organization, batch.hold_key)
        return
    try:
        credit_holds.settle(batch.organization, batch.hold_key, drawn)
    except credit_holds.HoldExpired as lapsed:
        FlyerBatch.update(state="failed", error=lapsed.sentence).where(FlyerBatch.id == batch.id).execute()

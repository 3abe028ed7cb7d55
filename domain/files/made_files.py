"""Files that a long job makes for whoever asked: under a name that nobody guesses, and gone after a week."""

import secrets
import zipfile
from contextlib import contextmanager
from datetime import timedelta

from database.clock import now
from domain import NotFound
from domain.base import configuration
from models import LongJob

KEPT = timedelta(days=7)


def new_key():
    """What a job's file is called by, for its facts as `key`."""
    return secrets.token_hex(16)


def place(job, end=".zip"):
    """Where the file of a job lies once it is made; with another end, what is needed on the way."""
    return configuration.active.data / "archives" / f"{job.facts['key']}{end}"


def path(job):
    """Where a file that is there lies. Refuses with NotFound where none was asked for, and once its days are over."""
    if job is None:
        raise NotFound("There is no file here.")
    if job.status != "done" or job.finished_at < now() - KEPT or not place(job).exists():
        raise NotFound("This file isn't kept any more. Have it made once more.")
    return place(job)


def size(job):
    """How many bytes the file has, or None where there is none (any more)."""
    try:
        return path(job).stat().st_size
    except NotFound:
        return None


@contextmanager
def being_made(job):
    """A ZIP to write a job's file into: it is there once it is whole, and nothing stays of one that isn't."""
    half = place(job, ".part")
    half.parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as out:
            yield out
        half.replace(place(job))
    finally:
        half.unlink(missing_ok=True)


def drop_old(kind):
    """Remove the files of a kind of jobs whose days are over; returns those jobs, the newest first."""
    old = LongJob.select().where(LongJob.kind == kind, LongJob.finished_at < now() - KEPT)
    over = list(old.order_by(LongJob.id.desc()).limit(20))
    for job in over:
        place(job).unlink(missing_ok=True)
    return over

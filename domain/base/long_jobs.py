"""Long work as a row: asked for once, done by a job, told with a figure that survives a reload and a kill.

Whoever takes a piece of work up signs it; what an earlier taker still says is not heard.
"""

from database.clock import now
from database.columns import public_id
from database.transactions import wake, writes
from models import LongJob

MOST = 3  # times that work is taken up again after it was cut off


def begin(kind, subject="", *, by=None, total=None, **facts):
    """Ask for work, in the present transaction; returns its row, or None when the same is open already."""
    row = {"kind": kind, "subject": subject, "asked_by": by, "total": total, "facts": facts}
    if not LongJob.insert(**row).on_conflict_ignore().as_rowcount().execute():
        return None
    wake(kind)
    return newest(kind, subject)


def newest(kind, subject=""):
    """The row that was asked for last, open or over; None when there was never one."""
    return LongJob.select().where(LongJob.kind == kind, LongJob.subject == subject).order_by(LongJob.id.desc()).first()


def replace(kind, subject=""):
    """Close what is open of this, because something newer makes it pointless. In the present transaction."""
    LongJob.update(status="replaced", finished_at=now()).where(*_open(kind), LongJob.subject == subject).execute()


@writes
def claim(kind):
    """Take up the oldest open work of a kind, also what another taker left half done; None when there is none."""
    row = LongJob.select().where(*_open(kind)).order_by(LongJob.id).first()
    if row is None:
        return None
    if row.attempts >= MOST:
        finish(row, error="It was cut off several times. Look at the server's log before you try again.")
        return None
    LongJob.update(status="running", attempts=row.attempts + 1, taker=public_id()).where(LongJob.id == row.id).execute()
    return LongJob.get_by_id(row.id)


def progress(row, done, *, lasting=False, **facts):
    """Note how far it is, in the present transaction; False when the work isn't the taker's any more.

    `lasting`: what was done stays done, so the next taker goes on from here and not from the beginning.
    """
    row.done, row.facts = done, row.facts | facts
    values = {"done": done, "facts": row.facts} | ({"attempts": 0} if lasting else {})
    return bool(LongJob.update(**values).where(*_mine(row)).execute())


def finish(row, *, error=None, **facts):
    """The work is over, in the present transaction; False when it isn't the taker's any more."""
    over = {"status": "failed" if error else "done", "error": error and error[:500], "finished_at": now()}
    return bool(LongJob.update(facts=row.facts | facts, **over).where(*_mine(row)).execute())


def _open(kind):
    return LongJob.kind == kind, LongJob.status.in_(("waiting", "running"))


def _mine(row):
    return LongJob.id == row.id, LongJob.taker == row.taker, LongJob.status.in_(("waiting", "running"))

"""What changed in an organization: one row serves the open pages, the history of a thing, and undo."""

import re
from datetime import timedelta

from peewee import Select, fn

from database.clock import now
from database.columns import public_id
from database.compiled import Compiled
from database.connections import database
from database.locks import lock
from database.parameters import parameter
from database.scope import everywhere
from database.transactions import wake, writes
from domain.base import settings
from domain.fields.kinds import whole
from models import Alert, Change, Notification, Organization

TRASH = timedelta(days=90)  # the longest that removed rows are kept, but for ever

FORM_KEY = re.compile(r"[\w-]{16,40}", re.ASCII)


def record(organization, table, row_id, verb, fields=None, *, by=None, batch=None, beside=None):
    """Note a change in the transaction that makes it. `fields` is name → [before, after], JSON values; `beside` is what
    follows from them of the same row, which isn't kept.
    On PostgreSQL commits of one organization are put in line from here on, so that ids become visible
    in their order and a page that asks «after 7» can't miss a 6 that committed late."""
    lock("changes", organization.id)
    moment = now()
    what = {"table": table, "row_id": row_id, "verb": verb, "fields": fields or {}, "batch": batch or public_id()}
    times = {"created_at": moment, "updated_at": moment, "at": moment}
    change = Change.put(organization=organization.id, by=by and by.id, **what, **times)
    if row_id is not None:
        happened(organization.id, table, [(row_id, what["fields"] | (beside or {}))], verb, by)
    wake("live")
    return change


_followers: list = []


def follow(function):
    """Mark a function that hears of what becomes of rows, in the transaction of it: see `happened`."""
    _followers.append(function)
    return function


def happened(organization, table, moved, verb="updated", by=None):
    """Tell who follows of rows of an organization (its id), each as (its id, name → [before, after]). `record` does it;
    called alone it is for what no page hears of: sales, and what formulas give."""
    for hear in _followers:
        hear(organization, table, moved, verb, by)


def form_key(text):
    """What a form was given so that it makes one row however often it is sent; empty for what is none."""
    return text if FORM_KEY.fullmatch(text or "") else ""


def made_by(user, table, key):
    """The change by which the user made a row of the table, in any organization, by this form; repeats wait."""
    lock("form", f"{user.id} {key}")
    found = (Change.by == user) & (Change.table == table) & (Change.batch == key) & (Change.verb == "created")
    with everywhere("what a form has made is looked for before it is known where it stands"):
        return Change.select().where(found).first()


def made(by, table, batch):
    """The change by which this person made a row of the table under this name, or None; repeats wait for it."""
    lock("form", f"{by.user.id} {batch}")
    found = (Change.by == by.user) & (Change.table == table) & (Change.batch == batch) & (Change.verb == "created")
    return Change.select().where(found).first()


def latest(by, table, within, limit=200):
    """This person's own changes of a table's rows within some time, newest first."""
    mine = (Change.by == by.user) & (Change.table == table) & (Change.at > now() - within)
    return list(Change.select().where(mine).order_by(Change.id.desc()).limit(limit))


def history(table, row_id, limit=50):
    """A thing's changes, newest first."""
    return Change.select().where(Change.table == table, Change.row_id == row_id).order_by(Change.id.desc()).limit(limit)


def _alerts():
    """A number that moves when an alert is made or taken back."""
    return Alert.select(fn.coalesce(fn.max(Alert.id), 0) + fn.count(Alert.retracted_at))


# On every page, and at each look of an open one: `list_1m_vs_jinja_page`.
_marks = Compiled(
    lambda: Select(
        columns=[
            Change.select(fn.max(Change.id)),
            Notification.select(fn.max(Notification.id)).where(Notification.recipient == parameter("user")),
            Notification.select(fn.count(Notification.id)).where(
                Notification.recipient == parameter("user"), Notification.read_at.is_null()
            ),
            _alerts(),
        ]
    )
)


def mark(user):
    """How far things are right now, for pages to ask «what came after?»: «change-notification-unread-alert»."""
    return "-".join(str(number or 0) for number in _marks(user=user.id)[0])


def unread(mark):
    """How many notifications the user hasn't read, as the mark has it."""
    return _numbers(mark)[2]


def newest():
    """How far the log goes for anybody: whether it is worth asking `since` at all."""
    with everywhere("one look serves the open pages of all organizations"):
        newest = (Change.id, Notification.id, Notification.read_at)
        columns = [column.model.select(fn.max(column)) for column in newest]
        return Select(columns=[*columns, _alerts()]).tuples().execute(database)[0]


def since(past, user):
    """What came after the mark `past`: the new mark, and the names of what to draw again."""
    present = mark(user)
    before, after = _numbers(past), _numbers(present)
    stale = set()
    if after[0] != before[0]:
        rows = Change.select(Change.table).where(Change.id > before[0]).distinct().tuples()
        stale |= {table for (table,) in rows}
    if after[1:] != before[1:]:  # something new, or something read elsewhere
        stale.add("bell")
    return present, sorted(stale)


def _numbers(text):
    parts = (text or "").split("-")
    return tuple(whole(part, 2**53) or 0 for part in parts) if len(parts) == 4 else (0, 0, 0, 0)


@writes
def prune(limit):
    """Remove history older than the setting says, a batch at a time."""
    before = now() - timedelta(days=settings.get("change_retention_days"))
    with everywhere("history is removed for every organization alike"):
        for_ever = Organization.select(Organization.id).where(Organization.trash_days == 0)
        kept = (Change.at > now() - TRASH) | Change.organization.in_(for_ever)  # what the trash still needs
        past = (Change.at < before) & ~((Change.verb == "deleted") & kept)
        old = Change.select(Change.id).where(past).limit(limit)
        return Change.delete().where(Change.id.in_(old)).execute()

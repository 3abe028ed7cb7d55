"""What was removed from a list, for as long as the organization keeps it: found, put back, and at last let go.

A removed row is the `Change` that removed it; its comments and files wait for it. One sees what one removed oneself;
owners and admins see everything.
"""

from datetime import timedelta

from peewee import fn

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import writes
from domain import Forbidden, NotFound, Refused
from domain.fields.choice import Choice
from domain.fields.kinds import Field
from domain.fields.records.leftover import plain_cell, restored_cell
from domain.lists import rows
from domain.lists.listing import demand
from models import Change, Comment, Organization, StoredFile

DAYS = Choice((("30", "30 days", ""), ("90", "90 days", ""), ("0", "For ever", "")))
KEEPS = Field("trash_days", "Removed rows are kept for", DAYS, True)
GONE = "This isn't in the trash any more: it was restored, or its time is over."
PAGE = 50
LOOKED = 2000  # removals that are looked through for one page


def removed(listing, by, q="", before=None):
    """([(the Change, what the row is called)], the id to go on from or None), the latest first, of rows still gone."""
    found, seen, at = [], set(), before
    for _ in range(LOOKED // 200):
        batch = list(_removals(listing, by, at).limit(200))
        for change in batch:
            at = change.id
            name = name_of(listing, change)
            if change.row_id in seen or q.casefold() not in name.casefold():
                continue
            seen.add(change.row_id)
            if listing.rows.now_there(listing, change.row_id) is None:
                found.append((change, name))
            if len(found) == PAGE:
                return found, at
        if len(batch) < 200:
            return found, None
    return found, at


def _removals(listing, by, before=None):
    """The noted removals that this member may take back."""
    query = Change.select().where(Change.table == listing.table, Change.verb == "deleted")
    if by.organization.trash_days:
        query = query.where(Change.at > now() - timedelta(days=by.organization.trash_days))
    if not by.may("trash.restore_all"):
        query = query.where(Change.by == by.user)
    return (query.where(Change.id < before) if before else query).order_by(Change.id.desc())


def name_of(listing, change):
    """What a removed row was called."""
    kind, (stood, _) = listing.by_name[listing.first].kind, change.fields.get(listing.first) or (None, None)
    return plain_cell(kind, restored_cell(kind, stood)) or "Without a name"


@writes
def restore(rules, ids, *, by):
    """Put rows back by the ids of their removals, as they stood, with comments and files; returns how many.

    Refuses with Refused beyond 200, and with NotFound where none of them is in the trash.
    """
    demand(by, rules.listing.writes)
    if len(ids) > rows.BULK:
        raise Refused(f"At most {rows.BULK} at once; you chose {len(ids)}.")
    restored = 0
    for change in _removals(rules.listing, by).where(Change.id.in_(ids)):
        try:
            restored += rows.take_back(rules, change, by)
        except (NotFound, Forbidden):
            continue
    if not restored:
        raise NotFound(GONE)
    return restored


@writes
def restore_row(rules, id, *, by):
    """Put the row of this number back. Refuses with NotFound where it isn't theirs to put back, and with Forbidden
    where it wouldn't be theirs to remove."""
    last = _removals(rules.listing, by).where(Change.row_id == id).first()
    try:
        restored = restore(rules, [last.id] if last else [], by=by)
        row = rows.get(rules, id, by)
    except NotFound:  # one that they wouldn't see is refused like one that isn't there
        raise NotFound(GONE) from None
    if not rules.may_remove(row, by):
        raise Forbidden(rows.why_not(rules, row, by, "put back"))
    return restored


def purge():
    """Let go of what belonged to rows whose time in the trash is over: their comments and files; returns how many."""
    with everywhere("the trash of every organization is emptied alike"):
        old = Change.select().where(Change.verb == "deleted", Change.at < now() - timedelta(days=30))
        comments = Comment.select(Comment.id).where(*_of_the_row(Comment))
        files = StoredFile.select(StoredFile.id).where(*_of_the_row(StoredFile), StoredFile.archived_at.is_null())
        over = old.where(fn.EXISTS(comments) | fn.EXISTS(files)).order_by(Change.id)
        due = [(change, Organization.get_by_id(change.organization_id)) for change in over]
    return sum(_let_go(change, organization) for change, organization in due if _is_over(change, organization))


def _of_the_row(table):
    return table.organization == Change.organization, table.table == Change.table, table.row_id == Change.row_id


def _is_over(change, organization):
    days = organization.trash_days
    return bool(days) and change.at < now() - timedelta(days=days)


@writes
def _let_go(change, organization):
    with inside(organization):
        if Change.one(Change.table == change.table, Change.row_id == change.row_id, Change.id > change.id):
            return 0  # it was put back, or removed again later
        mine = lambda table: (table.table == change.table) & (table.row_id == change.row_id)  # noqa: E731
        gone = Comment.delete().where(mine(Comment)).execute()
        archived = StoredFile.update(archived_at=now()).where(mine(StoredFile), StoredFile.archived_at.is_null())
        return gone + archived.execute()

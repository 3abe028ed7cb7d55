"""Files on a row of a list: kept once for an organization, seen by whoever sees the row, asked anew each time.

Whoever may comment on the row puts files there. Why so: docs/decisions/comments-and-files.md
"""

import hashlib
import io
from datetime import timedelta

from peewee import fn

from database.clock import now
from database.scope import everywhere, inside
from database.transactions import wake, writes
from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import audit, changes, settings
from domain.files import gate, names, stores, thumbnails
from domain.lists import rows
from domain.lists.listing import demand, granted
from models import StoredFile

MOST = 25 * 1024 * 1024  # bytes of a file, whatever the setting says
A_ROW = 100  # files
KEPT = timedelta(days=30)  # a removed file
SETTLED = timedelta(hours=1)  # bytes that were put later than this ago may be of a file that isn't noted yet


def most():
    """Bytes that a file may have now."""
    return settings.get("max_upload_mb") * 1024**2


class TooLarge(Refused):
    code, status = "INVALID_INPUT", 413

    def __init__(self):
        super().__init__(f"A file can have at most {most() // 1024**2} MB. Make it smaller, or share a link to it.")


def topic(listing):
    """What open pages hear when a file comes to a row of the list, or goes."""
    return f"{listing.table}:files"


def may_write(listing, by):
    """Whether this member may put files on rows of the list at all."""
    return bool(listing.files and listing.writes) and granted(by, listing.writes)


def on(listing, row_id, field=None):
    """The files on a row, the first one first; of a field those in its cell."""
    stands = (StoredFile.table == listing.table) & (StoredFile.row_id == row_id) & StoredFile.archived_at.is_null()
    stands &= StoredFile.slot.is_null() if field is None else StoredFile.slot == cell_of(field)
    return list(StoredFile.select().where(stands).order_by(StoredFile.id).limit(A_ROW))


def cell_of(field):
    """The number by which files know the field in whose cell they are."""
    return int(field.name[1:])


def _field(rules, row, name, by):
    """The field of this name into whose cell of the row they may put files. Refuses with NotFound or Forbidden."""
    field = rules.listing.by_name.get(name)
    if field is None or not field.kind.holds_files:
        raise NotFound("There is no such field of files.")
    if not rules.may_change(row, name, by):
        raise Forbidden(rows.why_not(rules, row, by))
    return field


def used():
    """How many bytes the files of the organization one stands in take; the same bytes count once."""
    each = StoredFile.select(StoredFile.sha256, fn.max(StoredFile.size).alias("size")).group_by(StoredFile.sha256)
    return sum(size for _, size in each.tuples())


def add(rules, id, file, name, *, by, parent=None, field=""):
    """Put what `file` (open, seekable) holds on a row, or into its cell of a field; returns the StoredFile.

    The type is what its bytes say. Refuses with NotFound, Forbidden, TooLarge, Invalid (empty), Refused where there is
    no room, and stores.StoreDown.
    """
    return note(
        rules, id, bring(rules, id, file, name, by=by, parent=parent, field=field), by=by, parent=parent, field=field
    )


def bring(rules, id, file, name, *, by, parent=None, field=""):
    """The first half of it: what it holds lies in the store, and what `note` needs is returned. Refuses likewise."""
    row = _row(rules, id, by, parent, field)
    _check_room(rules.listing, row, _field(rules, row, field, by) if field else None)
    sha256, size, head = _looked_at(file)
    if not size:
        raise Invalid({"file": f"“{names.cleaned(name)}” is empty, so nothing was kept."})
    type = names.type_of(head)
    file.seek(0)
    facts = {"sha256": sha256, "size": size, "type": type, "name": names.cleaned(name)}
    return facts | {"awaited": keep(rules.listing.table, row.id, facts, file, by=by)}


def keep(table, row_id, facts, file, *, by):
    """Bring bytes into the store; returns the id of the StoredFile that awaits that they are noted. Refuses with
    Refused where there is no room, and with stores.StoreDown."""
    if used() + facts["size"] > settings.get("files_mb") * 1024**2:
        raise Refused(f"There is no room for it: files here may take {settings.get('files_mb'):,} MB.")
    awaited = _await(table, row_id, facts)
    try:
        # Before it is noted, and also where it is kept already: the purge leaves what is new.
        stores.active().put(key(by.organization.id, facts["sha256"]), file)
    except stores.StoreDown:
        _await_no_more(awaited)
        raise
    return awaited


@writes
def _await(table, row_id, facts):
    """A row for bytes that `note` makes a file: of what is refused or killed before, the purge finds it."""
    until = now() - KEPT + 2 * SETTLED
    return StoredFile.create(table=table, row_id=row_id, archived_at=until, **facts).id


@writes
def _await_no_more(id):
    StoredFile.delete().where(StoredFile.id == id, StoredFile.archived_at.is_null(False)).execute()


def _check_room(listing, row, cell):
    if len(on(listing, row.id, cell)) >= A_ROW:
        raise Refused(f"A {listing.thing} has at most {A_ROW} files.")


@writes
def note(rules, id, facts, *, by, parent=None, field=""):
    """The second half: the file is on the row, or in its cell."""
    listing, row = rules.listing, _row(rules, id, by, parent, field)
    cell = _field(rules, row, field, by) if field else None
    facts = facts | ({"slot": cell_of(cell)} if cell else {})
    _check_room(listing, row, cell)
    awaited = StoredFile.id == facts.pop("awaited"), StoredFile.archived_at.is_null(False)
    thumbnail = "waiting" if facts["type"] in thumbnails.TYPES else "none"
    facts |= {"table": listing.table, "row_id": row.id, "by": by.user, "thumbnail": thumbnail, "archived_at": None}
    is_here = StoredFile.update(**facts).where(*awaited).execute()  # else the purge was faster
    made = StoredFile.get(awaited[0]) if is_here else StoredFile.create(**facts)
    if cell:
        rows.write(rules, row, {cell.name: (*(listing.column(cell.name).of(row) or ()), made.id)}, by)
    changes.record(by.organization, topic(listing), made.id, "created", by=by.user)
    wake("thumbnails")
    return made


def _looked_at(file):
    """(hash, size, first bytes) of a file; refuses with TooLarge."""
    digest, size, head, limit = hashlib.sha256(), 0, b"", most()
    while part := file.read(stores.CHUNK):
        head = head or part[: names.HEAD]
        size += len(part)
        if size > limit:
            raise TooLarge
        digest.update(part)
    return digest.hexdigest(), size, head


def _row(rules, id, by, parent, field=""):
    if not rules.listing.files:
        raise NotFound()
    row = rows.get(rules, id, by, parent)
    demand(by, rules.listing.writes)
    if not field and rules.files != "change":
        raise Forbidden(f"You can't put files on this {rules.listing.thing}.")
    return row


def key(organization_id, sha256):
    """What bytes are called in the store."""
    return f"{organization_id}/{sha256[:2]}/{sha256}"


def small_key(organization_id, sha256):
    """The same of its thumbnail."""
    return f"{organization_id}/thumbnails/{sha256}"


def get(rules, id, file_id, by, parent=None):
    """A file on a row that they see. Refuses with NotFound."""
    if not rules.listing.files:
        raise NotFound()
    row = rows.get(rules, id, by, parent)
    stands = (StoredFile.id == file_id, StoredFile.table == rules.listing.table, StoredFile.row_id == row.id)
    found = StoredFile.one(*stands, StoredFile.archived_at.is_null())
    seen = {cell_of(f) for f in rules.listing.by_name.values() if f.kind.holds_files}
    if found is None or (rules.files == "none" if found.slot is None else found.slot not in seen):
        raise NotFound("This file isn't here: it was removed, or it isn't yours to see.")
    return found


def content(file, small=False):
    """The bytes of a file (or of its thumbnail) in parts. Refuses with NotFound where they are gone."""
    called = small_key if small else key
    parts = stores.active().read(called(file.organization_id, file.sha256))
    if parts is None or (small and file.thumbnail != "made"):
        raise NotFound("The content of this file isn't here any more.")
    return parts


def may_remove(file, by):
    """Whoever put it there, and who may remove everybody's."""
    return file.by_id == by.user.id or by.may("comments.remove_all")


@writes
def remove(rules, id, file_id, *, by, parent=None):
    """Take a file off its row; for thirty days it can be put back. Refuses with Forbidden or NotFound."""
    file, listing = get(rules, id, file_id, by, parent), rules.listing
    demand(by, listing.writes)
    if not may_remove(file, by):
        raise Forbidden("Only whoever put a file here, and admins, can remove it.")
    StoredFile.update(archived_at=now(), archived_by=by.user).where(StoredFile.id == file.id).execute()
    changes.record(by.organization, topic(listing), file.id, "deleted", by=by.user)
    summary = f"Removed a file from a {listing.thing}: {file.name}"
    audit.record("file.removed", summary, by=by.user, organization=by.organization, target=file)
    return file


@writes
def put_back(rules, id, file_id, *, by, parent=None):
    """Put a removed file back: whoever removed it, within thirty days. Refuses with NotFound."""
    row = _row(rules, id, by, parent)
    stands = (StoredFile.id == file_id) & (StoredFile.table == rules.listing.table) & (StoredFile.row_id == row.id)
    theirs = (StoredFile.archived_by == by.user) & (StoredFile.archived_at > now() - KEPT)
    if not StoredFile.update(archived_at=None, archived_by=None).where(stands & theirs).execute():
        raise NotFound("There is nothing to put back any more.")
    changes.record(by.organization, topic(rules.listing), file_id, "created", by=by.user)


# --- the one picture that stands for something ----------------------------------------------------------------------

QUALITIES = (90, 75, 60, 45, 30, 15)  # of WebP, the best that is small enough
MIDDLE, PAPER = {"x": 0.5, "y": 0.5, "zoom": 1, "turn": 0}, "#ffffff"  # behind what is transparent, and around it


def picture(table, row_id, place=0):
    """The StoredFile that is the picture of a row, or None; at another `place` than the first, the same in another
    size."""
    here = *_pictures(table, row_id), StoredFile.place == place
    return StoredFile.select().where(*here).order_by(StoredFile.id.desc()).first()


def _pictures(table, row_id):
    return StoredFile.table == table, StoredFile.row_id == row_id, StoredFile.archived_at.is_null()


def bring_picture(table, row_id, data, name, size, most, *, is_whole=False, by):
    """Draw a photo (bytes) anew, so that nothing of it but its looks is kept, and in at most so many bytes: its middle,
    or all of it. It lies in the store then, and what `note_picture` needs is returned. Refuses with Invalid (`photo`)
    what gate.check doesn't take, and as `keep`."""
    try:
        with gate.drawing:
            drawn = _drawn(data, size, most, is_whole)
    except gate.NoPhoto as refusal:
        raise Invalid({"photo": refusal.sentence}) from None
    sha256 = hashlib.sha256(drawn).hexdigest()
    facts = {"sha256": sha256, "size": len(drawn), "type": "image/webp", "name": names.cleaned(name)}
    return facts | {"awaited": keep(table, row_id, facts, io.BytesIO(drawn), by=by)}


def _drawn(data, size, most, is_whole):
    crop = MIDDLE
    if is_whole:
        seen = gate.check(data)
        sides = sorted((size[0] / seen.width, size[1] / seen.height))
        crop = MIDDLE | {"zoom": sides[0] / sides[1]}
    framed = gate.framed(data, size, crop, PAPER)
    while True:  # what is noise all over is drawn smaller
        for quality in QUALITIES:
            out = io.BytesIO()
            framed.save(out, "WEBP", quality=quality)
            if out.tell() <= most:
                return out.getvalue()
        framed = framed.reduce(2)


def note_picture(table, row_id, sizes, by):
    """The second half, in the present transaction: what was brought in one or more sizes is the picture of the row,
    instead of the one it had."""
    put_picture_away(table, row_id, by)
    for place, facts in enumerate(sizes):
        values = {**facts, "table": table, "row_id": row_id, "place": place, "by": by.user, "archived_at": None}
        awaited = StoredFile.id == values.pop("awaited")
        if not StoredFile.update(**values).where(awaited).execute():  # the purge was faster
            StoredFile.create(**values)


def put_picture_away(table, row_id, by):
    """Let go of it, in the present transaction; returns how many there were."""
    gone = {"archived_at": now(), "archived_by": by.user}
    return StoredFile.update(**gone).where(*_pictures(table, row_id)).execute()


# --- jobs ---------------------------------------------------------------------------------------------------------


def is_any_waiting():
    """Whether a small picture is to be drawn."""
    return StoredFile.select().where(StoredFile.thumbnail == "waiting").exists()


def draw_thumbnails(limit):
    """Draw the small pictures that wait; returns how many were looked at. The same bytes are drawn once."""
    with everywhere("pictures of every organization are drawn alike"):
        waiting = list(
            StoredFile.select().where(StoredFile.thumbnail == "waiting").order_by(StoredFile.id).limit(limit)
        )
    for file in waiting:
        data = b"".join(stores.active().read(key(file.organization_id, file.sha256)) or ())
        picture = thumbnails.made(data, file.type)
        if picture is not None:
            stores.active().put(small_key(file.organization_id, file.sha256), io.BytesIO(picture))
        _note_thumbnail(file, "made" if picture else "none")
    return len(waiting)


@writes
def _note_thumbnail(file, state):
    with inside(file.organization):
        StoredFile.update(thumbnail=state).where(StoredFile.id == file.id).execute()
        changes.record(file.organization, f"{file.table}:files", file.id, "updated")


def purge(limit):
    """Let go of files that were removed long ago, and of bytes that no file is made of any more; returns how many."""
    with everywhere("removed files go for every organization alike"):
        old = StoredFile.archived_at < now() - KEPT
        gone = list(StoredFile.select().where(old).order_by(StoredFile.archived_at).limit(limit))
    for file in gone:
        _forget(file)
        _let_go(file.organization, file.sha256)
    return len(gone)


@writes
def _forget(file):
    with inside(file.organization):
        StoredFile.delete().where(StoredFile.id == file.id, StoredFile.archived_at.is_null(False)).execute()


def _let_go(organization, sha256):
    """Remove bytes that nothing points to; what was put just now may be of a file that isn't noted yet."""
    with inside(organization):
        if StoredFile.one(StoredFile.sha256 == sha256) is not None:
            return
    store = stores.active()
    put_at = store.changed_at(key(organization.id, sha256))
    if put_at is None or put_at < now() - SETTLED:
        store.remove(key(organization.id, sha256))
        store.remove(small_key(organization.id, sha256))

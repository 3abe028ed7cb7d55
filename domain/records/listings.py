"""A table that people made as a Listing with its Rules: fields as one person sees them, kept by shape and rights."""

from dataclasses import dataclass, replace
from functools import lru_cache, partial

from database.connections import database
from database.scope import inside
from domain import Forbidden, NotFound
from domain.base import outgoing
from domain.fields import guesses
from domain.fields.kinds import Field, whole
from domain.fields.moment import Moment
from domain.fields.person import Person
from domain.fields.person import members as members_by_id
from domain.fields.records.leftover import plain_cell
from domain.imports import targets
from domain.lists import lists, rows, totals
from domain.lists.listing import NEWEST, Listing, Tab, both
from domain.organizations import key_bounds, members
from domain.records import collections, links, questions, rights, shapes
from domain.records.computed import working
from domain.records.handling import buttons
from domain.records.rows import row_conditions
from domain.records.sight import Sight
from models import Collection

KEPT = 500
SYSTEM = (
    Field("created_by", "Made by", Person(), listed=False, acted=True, filters=False),
    Field("created_at", "Made", Moment(past=True), listed=False, acted=True),
    Field("changed_by", "Changed by", Person(), listed=False, acted=True, filters=False),
    Field("changed_at", "Changed", Moment(past=True), listed=False, acted=True),
)


def find(slug, by):
    """The rules of the table with this address, as this member may see it. Refuses with NotFound."""
    return of(collections.found(slug), by)


@outgoing.asks(r"/[^/?#]+/records/(?P<slug>[^/?#]+)/(?P<row>[1-9]\d{0,9})(?=$|[/?#])")
def _read_by(user, organization, asked):
    """Of rows that news lead to, those that somebody sees."""
    by, read = members.reader(user, organization), []
    with inside(organization):
        for slug in {one["slug"] for one in asked} if by else ():
            here = [one for one in asked if one["slug"] == slug]
            try:
                listing = find(slug, by).listing
                by.require(listing.reads)
            except (NotFound, Forbidden):
                continue
            seen = listing.source.get_many([int(one["row"]) for one in here])
            read += [one for one in here if int(one["row"]) in seen]
    return read


def of(collection, by):
    """The rules of a table as this member may see it."""
    shape = shapes.read(collection)
    allowed = rights.of(collection, by, shape)
    if allowed.sees == "none":
        raise NotFound(collections.NOT_HERE)
    # What a key doesn't name stands among the words that all may search.
    is_bound = bool(by.api_key and by.api_key.tables)
    return _made(database.obj, shape, allowed, is_bound or bool(collection.settings.get("stale_words")))


def narrowed(shape, allowed):
    """The rules of a table of this shape for somebody who has these Rights and is no member: by a public link."""
    return _made(database.obj, shape, allowed, True)


@lru_cache(maxsize=KEPT)
def _made(_database, shape, allowed, stale_words):
    cells = [cell for cell in shape.cells if allowed.sees_field(cell.name)]
    fields = tuple(_field(cell, allowed, shape) for cell in cells)
    # When a row was last changed would tell that what they don't see of it was.
    is_whole = not allowed.hidden and all(beyond.sees == "all" for _, _, _, beyond in allowed.linked)
    pictures = {f"record:{shape.collection}:files" for cell in cells if cell.kind.holds_files}
    system = SYSTEM if is_whole else SYSTEM[:2]
    board = next((cell.name for cell in shape.of_kind("choice") if allowed.sees_field(cell.name)), "")
    sorts = [pair for cell in cells if cell.is_ordered for pair in _orders(cell)]
    dates = tuple(cell.name for cell in shape.of_kind("day", "moment") if allowed.sees_field(cell.name))
    listing = Listing(
        *(f"record:{shape.collection}", "row", "rows", None),
        (*fields, *system),
        (*NEWEST, *sorts),
        source=Sight(shape, allowed, stale_words),
        version=(shape.number, shape.moment, allowed, stale_words),
        tabs=(Tab("all", "All rows", None, "records.read"), Tab("mine", "Made by me", "created_by", "records.read")),
        reads="records.read",
        writes="records.write",
        shares=_shares if allowed.shares else _shares_not,
        imports=True,
        followed=True,
        once=tuple((cell.name, partial(_holder, cell)) for cell in cells if cell.is_unique),
        search=True,
        scans=True,
        has_pages=True,
        charts=True,
        is_saved=True,
        others=partial(pointing, shape.collection),
        comments=True,
        files=True,
        board_by=board,
        owner="created_by",
        also=("changed_by",) if is_whole else (),
        acts=buttons.acts(shape, allowed, partial(_again, shape.collection)),
        ranges=dates,
        calendar=tuple(name for name in dates if shape.by_name[name].is_keyed),
        hears=" ".join(sorted({*(f"record:{table}" for table in _beside(allowed, shape)), *pictures})),
        icon="table",
        title=shape.name,
        exports=tuple(f.name for f in (*fields, *system) if not f.listed),
        empty=(("all", "Write into the first row, or paste some from a spreadsheet.", "Nothing stands here yet."),),
    )
    return rows.Rules(
        listing,
        may_add=lambda by: allowed.adds,
        may_fill=allowed.may_fill,
        may_change=allowed.may_change,
        may_remove=allowed.may_archive,
        files=allowed.files,
        lacks=_lacks(allowed),
        why=lambda row, by, verb, members: _why(allowed, row, by, verb, members),
        seen_by=lambda by: of(Collection.get_by_id(shape.collection), by),
    )


def _lacks(allowed):
    """What programs are offered of a table and these rights give of none of its rows."""
    lacks = set() if allowed.archives else {"remove", "restore"}
    if allowed.changes == "none":
        lacks |= {"change"} if allowed.adds else {"change", "put"}
    return frozenset(lacks | ({"batch"} if len(lacks) == 4 else set()))


def _again(table, by):
    return of(Collection.get_by_id(table), by)


def _beside(allowed, shape):
    """The tables whose rows tell what is seen of this one's."""
    conditions = {one.table for group in allowed.where for one in group if one.table}
    return {there.collection for _, _, there, _ in allowed.linked} | conditions | working.tables_beside(shape)


def _holder(cell, value, _by, _parent):
    """The row that has this value in a unique cell."""
    key = cell.kind.unique_key(value)
    return key and questions.holder(cell.slot, key)


def _shares(by):
    return True


def _shares_not(by):
    return False


def _field(cell, allowed, shape):
    """The field as they have it: of a link, with who reads the other table for them; of files likewise."""
    if not (cell.kind.pointing or cell.kind.holds_files):
        return cell.field
    kind = links.kind_for(allowed, cell, shape)
    # Whose other table was put away, or isn't theirs to see, is nothing to write into.
    return replace(cell.field, kind=kind, acted=cell.field.acted or kind.reader is None)


def _named(name):
    """The table whose listing is called so."""
    return collections.numbered(whole(name.partition(":")[2]))


def _of_name(name, by):
    """The rules of the table whose listing is called so."""
    return of(_named(name), by)


def _add_field(name, label, kind, words, by):
    return f"f{collections.add_field(_named(name).slug, label, kind, by=by, choices=words).id}"


def _add_words(name, field, words, by):
    collections.add_options(_named(name).slug, int(field[1:]), words, by=by)


targets.offer(
    *("record", _of_name, lambda name: f"/records/{_named(name).slug}"),
    targets.Builder(_add_field, _add_words, guesses.kind_of),
)


def _tables_of(by):
    """Tables with their fields, as somebody sees them, for the keys that they make."""
    seen = [(table, found) for table in collections.present(by) if (found := seen_of(table, by))]
    return [
        key_bounds.Table(
            *(table.id, table.name, [(int(f.name[1:]), f.label) for f in found.listing.fields if f.also]),
            found.listing.source.shape,
        )
        for table, found in seen
    ]


def _in_words(table, where):
    return row_conditions.joined(where, shapes.read(Collection.get_by_id(table)), members_by_id())


key_bounds.offer(_tables_of, row_conditions.read, _in_words)


MOST_COUNTED = 60  # tables of which a page says how many rows they have


def counts(tables, by):
    """id of a table → how many of its rows this member sees, to COUNTED + 1; of many tables, of the first ones."""
    found = {}
    for table in tables[:MOST_COUNTED]:
        if seen := seen_of(table, by):
            found[table.id] = totals.total(seen.listing, lists.Ask(tab="all"), by)
    return found


@dataclass(frozen=True)
class Others:
    """The rows of a table that point to one row by a link: their titles by id, how many, and where the list is."""

    label: str
    slug: str
    thing: str
    link: str
    titles: dict
    count: int
    may_add: bool


OTHERS = 8  # shown of each link


def pointing(table, id, by):
    """Others for each link to a table by which rows that this member sees may point to row `id`."""
    found = []
    for field in links.pointing(table):
        collection = Collection.one(Collection.id == field.collection_id, Collection.archived_at.is_null())
        theirs, name = collection and seen_of(collection, by), f"f{field.id}"
        if not theirs or name not in theirs.listing.by_name:
            continue
        listing, ask = theirs.listing, lists.Ask(tab="all", filters=((name, (id,)),), rows=OTHERS)
        answer = lists.read(listing, ask, by)
        kind = listing.by_name[listing.first].kind
        titles = {row.id: plain_cell(kind, getattr(row, listing.first)) or f"#{row.id}" for row in answer.rows}
        count = totals.total(listing, ask, by) if answer.more else len(titles)
        label = field.options.get("back") or f"{collection.name}: {field.label}"
        has_its_one = field.is_unique and bool(titles)
        may_add = by.may("records.write") and theirs.may_add(by) and theirs.may_fill(name) and not has_its_one
        found.append(Others(label, collection.slug, listing.thing, name, titles, count, may_add))
    return found


def seen_of(collection, by):
    """The rules of a table for this member; None where they see nothing of it."""
    try:
        return of(collection, by)
    except NotFound:
        return None


def _why(allowed, row, by, verb, members):
    if allowed.changes == "mine" and row.created_by_id != by.user.id:
        return f"Only {members.get(row.created_by_id, 'who made it')} and admins can {verb} this."
    return f"You can look at this table, but not {verb} this."


def _orders(cell):
    label = cell.field.label
    return both(cell.name, f"{label}, ascending", f"{label}, descending")

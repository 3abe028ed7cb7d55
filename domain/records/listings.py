"""A table that people made as a Listing with its Rules: fields as one person sees them, kept by shape and rights."""

from functools import lru_cache

from database.connections import database
from domain import NotFound
from domain.fields.kinds import Field
from domain.fields.moment import Moment
from domain.fields.person import Person
from domain.lists import rows
from domain.lists.listing import NEWEST, Listing, Tab, both
from domain.records import rights, shapes
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
    collection = Collection.one(Collection.slug == slug, Collection.archived_at.is_null())
    if collection is None:
        raise NotFound("This table isn't here: it was removed, or it isn't yours to see.")
    return of(collection, by)


def of(collection, by):
    """The rules of a table as this member may see it."""
    shape = shapes.read(collection)
    return _made(database.obj, shape, rights.of(collection, by))


@lru_cache(maxsize=KEPT)
def _made(_database, shape, allowed):
    cells = [cell for cell in shape.cells if allowed.sees(cell.name)]
    fields = tuple(cell.field for cell in cells)
    board = next((cell.name for cell in shape.of_kind("choice") if allowed.sees(cell.name)), "")
    sorts = [pair for cell in cells if cell.is_keyed for pair in _orders(cell)]
    dates = tuple(cell.name for cell in shape.of_kind("day", "moment") if allowed.sees(cell.name))
    listing = Listing(
        *(f"record:{shape.collection}", "row", "rows", None),
        (*fields, *SYSTEM),
        (*NEWEST, *sorts),
        source=Sight(shape, allowed),
        version=(shape.number, allowed),
        tabs=(Tab("all", "All rows", None, "records.read"), Tab("mine", "Made by me", "created_by", "records.read")),
        reads="records.read",
        writes="records.write",
        search=True,
        has_pages=True,
        board_by=board,
        owner="created_by",
        also=("changed_by",),
        ranges=dates,
        icon="table",
        title=shape.name,
        exports=tuple(f.name for f in (*fields, *SYSTEM) if not f.listed),
        empty=(("all", "Write into the first row, or paste some from a spreadsheet.", "Nothing stands here yet."),),
    )
    return rows.Rules(
        listing,
        may_change=lambda row, name, by: allowed.changes(name),
        may_remove=lambda row, by: allowed.archives,
        why=lambda row, by, verb, members: (
            f"You can look at this table, but not {verb} its rows: your role is {by.role}."
        ),
    )


def _orders(cell):
    label = cell.field.label
    return both(cell.name, f"{label}, ascending", f"{label}, descending")

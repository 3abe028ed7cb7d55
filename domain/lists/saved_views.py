"""Lists as somebody saved them: what is asked, by a name, for themselves or for all who see the list.

A view holds what its address says and nothing else: it is read through the eyes of whoever opens it, so it shows
nobody more than they see anyway, and what of it isn't theirs to see, or is gone, is said to be left out.
"""

from urllib.parse import parse_qsl, urlencode

from database.transactions import writes
from domain import Forbidden, Invalid, existing
from domain.fields.kinds import clean, comparable
from domain.fields.text import Name
from domain.lists.listing import demand, may_share
from models import SavedView

MOST = 100  # of one list and person
LONGEST = 4000  # signs of what is asked
_NAME = Name(60)
PASSING = {
    "after",
    "rows",
    "saved",
    "cal_day",
    "group_at",
    "group_key",
    "open",
}  # what an address says of one look and not of the list


def of(listing, by):
    """The views of a list that this member may open, by name: their own and the shared ones."""
    return sorted(_opened_by(listing, by), key=lambda view: comparable(view.name))


def _opened_by(listing, by):
    theirs = SavedView.is_shared == True  # noqa: E712
    if not by.real_user:  # one's own are nobody's to look at
        theirs |= SavedView.by == by.user
    return SavedView.select().where(SavedView.table == listing.table, theirs)


def get(listing, id, by):
    """One of them, or None."""
    return _opened_by(listing, by).where(SavedView.id == id).first()


def cleaned(query):
    """What is asked, without what was only of one look."""
    given = ((clean(name), clean(text)) for name, text in parse_qsl(clean(query)[:LONGEST]))
    return urlencode([(name, text) for name, text in given if name not in PASSING])


@writes
def save(listing, name, query, *, by, shared=False):
    """Save what is asked by a name; one's own view of that name is written over. Refuses with Invalid or Forbidden.

    Shared ones are made by whoever may share the list.
    """
    demand(by, listing.reads)
    try:
        name = _NAME.read(clean(name))
    except ValueError as unfit:
        raise Invalid({"name": str(unfit)}) from None
    if not name:
        raise Invalid({"name": "Write a name."})
    if shared and not may_share(by, listing):
        raise Forbidden("Sharing this list with others is not yours.")
    mine = [view for view in of(listing, by) if view.by_id == by.user.id]
    values = {"name": name, "query": cleaned(query), "is_shared": shared}
    held = next((view for view in mine if comparable(view.name) == comparable(name)), None)
    if held is None:
        if len(mine) >= MOST:
            raise Invalid({"name": f"You have {MOST} views of this list already: remove one first."})
        return SavedView.create(table=listing.table, by=by.user, **values)
    SavedView.update(**values).where(SavedView.id == held.id).execute()
    return SavedView.get_by_id(held.id)


@writes
def remove(listing, id, *, by):
    """Remove one's own view, or, as an owner or admin, any shared one. Refuses with NotFound or Forbidden."""
    view = existing(get(listing, id, by), "This view isn't here any more.")
    if view.by_id != by.user.id and by.role not in ("owner", "admin"):
        raise Forbidden(f"Only {view.by.name} and admins can remove this view.")
    view.delete_instance()
    return view

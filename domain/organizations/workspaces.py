"""Areas inside an organization, with narrower people of their own (assignments.py).

Every organization has one from its first day; pages speak of workspaces only once there is a second.
"""

from peewee import OP, Case, CharField, Expression, fn

from database.clock import now
from database.compiled import Compiled
from database.locks import lock
from database.transactions import writes
from domain import Invalid, Refused, existing
from domain.base import changes, history
from domain.fields.choice import Choice
from domain.fields.kinds import Field, clean, comparable
from domain.fields.moment import Moment
from domain.fields.number import counted
from domain.fields.records.option import Option
from domain.fields.text import Text
from domain.lists.listing import NEWEST, Act, Listing, Sort, both
from domain.lists.searches import Parts
from domain.organizations import organizations
from models import Assignment, Invitation, Workspace

BESIDE = {"condition"}  # pages that stand where workspaces do


class OnlyOne(Refused):
    """The first workspace stays: what belongs to no other one is in it."""


def are_shown():
    """Whether pages speak of workspaces at all: once there is a second."""
    return Workspace.select().count() > 1


_all = Compiled(lambda: Workspace.select(Workspace.id, Workspace.name, Workspace.archived_at))


def options():
    """All of the organization one stands in, by their names, as a choice has them; none while pages don't speak of
    them."""
    found = [Option(id, name, "quiet", name, gone is not None) for id, name, gone in _all()]
    return tuple(sorted(found, key=lambda one: (one.said, one.id))) if len(found) > 1 else ()


def one(id):
    """One of them by its number or slug. Refuses with NotFound."""
    known = Workspace.id == id if isinstance(id, int) else Workspace.slug == clean(id)[:80]
    return existing(Workspace.one(known), "There is no such workspace here.")


@writes
def create(name, *, by, key=""):
    """Make a workspace; a form that is sent twice with one `key` makes one. Refuses with Invalid, also for a name
    that is taken."""
    by.require("workspaces.manage")
    name, key = organizations.named(name), changes.form_key(key)
    if key and (before := changes.made(by, "workspace", key)):
        return one(before.row_id)
    lock("workspaces", by.organization.id)
    _free(name)
    slug = base = organizations.slugged(name, "workspace")
    number = 2
    while slug in BESIDE or Workspace.one(Workspace.slug == slug):
        slug, number = f"{base}-{number}", number + 1
    made = Workspace.create(name=name, slug=slug)
    _note(made, "created", f"{name} was created", by, after=name, batch=key)
    return made


def _free(name, but=0):
    taken = [one for one in Workspace.select() if comparable(one.name) == comparable(name) and one.id != but]
    if taken:
        raise Invalid({"name": f"There is a workspace called {taken[0].name} already."})


@writes
def rename(id, name, *, by):
    """Call it something else; its address stays. Refuses with Invalid or NotFound."""
    by.require("workspaces.manage")
    name = organizations.named(name)
    lock("workspaces", by.organization.id)
    held = one(id)
    before = held.name
    if name != before:
        _free(name, held.id)
        held.name = name
        Workspace.update(name=name).where(Workspace.id == held.id).execute()
        _note(held, "renamed", f"{before} → {name}", by, before=before, after=name)
    return held


@writes
def archive(id, *, by):
    """Put it away: nothing is lost, and its open invitations end. The first one stays (OnlyOne)."""
    by.require("workspaces.manage")
    held = one(id)
    if held.is_default:
        raise OnlyOne(f"{held.name} is the first workspace and stays. You can give it another name.")
    moved = Workspace.update(archived_at=now()).where(Workspace.id == held.id, Workspace.archived_at.is_null())
    if moved.execute():
        open_ones = Invitation.update(status="cancelled").where(
            Invitation.workspace == held, Invitation.status == "pending"
        )
        cancelled = open_ones.execute()
        _note(held, "archived", f"{held.name} was archived", by, invitations_cancelled=cancelled)
    return held


@writes
def restore(id, *, by):
    """Take it out of the archive again. Refuses with NotFound."""
    by.require("workspaces.manage")
    held = one(id)
    moved = Workspace.update(archived_at=None).where(Workspace.id == held.id, Workspace.archived_at.is_null(False))
    if moved.execute():
        _note(held, "restored", f"{held.name} was restored", by)
    return held


def _note(workspace, verb, summary, by, **facts):
    made = "created" if verb == "created" else "updated"
    history.note(f"organization.workspace_{verb}", summary, workspace, by=by, verb=made, **facts)


# --- as a list ----------------------------------------------------------------------------------------------

STATUS = Choice((("open", "Open", "good"), ("archived", "Archived", "quiet")))
_STATUS = Case(None, ((Workspace.archived_at.is_null(), "open"),), "archived")
# The first one first, the archived last, then by name: one text to order and to go on by.
_PLACE = Case(None, ((Workspace.archived_at.is_null(False), "2"), (Workspace.is_default, "0")), "1")


def _archive(id, *, by):
    return f"{archive(id, by=by).name} is archived. You can restore it in the list."


def _restore(id, *, by):
    return f"{restore(id, by=by).name} is back."


def _notes(rows, by):
    """How many people are in each, and which is the first."""
    ids = [row.id for row in rows]
    found = Assignment.select(Assignment.workspace, fn.count(Assignment.id)).where(
        Assignment.workspace.in_(ids), Assignment.event.is_null()
    )
    people = dict(found.group_by(Assignment.workspace).tuples())
    first = {row.id: (("info", "The first"),) for row in rows if row.is_default}
    return {
        id: first.get(id, ()) + ((("quiet", counted(people[id], "person", "people")),) if id in people else ())
        for id in ids
    }


listing = Listing(
    *("workspaces", "workspace", "workspaces", Workspace),
    (
        Field("name", "Name", Text(80)),
        Field("status", "Status", STATUS),
        Field("created_at", "Made", Moment(past=True)),
        Field("archived_at", "Archived", Moment(past=True)),
    ),
    (
        Sort("standing", "The first one first", "standing"),
        *both("name", "By name", "By name, backwards"),
        *NEWEST,
    ),
    elsewhere=(
        ("status", CharField(), _STATUS),
        ("standing", CharField(), Expression(_PLACE, OP.CONCAT, fn.lower(Workspace.name))),
    ),
    search=Parts((Workspace.name,), numbered=False),
    acts=(
        Act(
            *("archival", "Archive", _archive, "workspaces.manage"),
            confirm="Archive {name}? It is hidden and its open invitations end. It can be restored.",
            when=lambda row: row.archived_at is None and not row.is_default,
        ),
        Act("restoration", "Restore", _restore, "workspaces.manage", when=lambda row: row.archived_at is not None),
    ),
    notes=("Here", _notes),
    also=("slug", "is_default", "standing"),
    reads="workspaces.read",
    chips="status",
    link="slug",
    icon="layout-grid",
)

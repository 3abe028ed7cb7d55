"""Open tasks of people who aren't members any more: who holds how many, and giving them to somebody in one act."""

from peewee import Select, fn

from database.columns import public_id, spelled
from database.compiled import Compiled
from database.transactions import writes
from domain import Invalid
from domain.fields.kinds import whole
from domain.fields.person import members, names
from domain.lists import rows
from domain.lists.lists import SUMMED
from domain.tasks import tasks
from models import Task

OPEN = "status IN ('pending', 'in progress')"  # as the partial index says it


def held():
    """user id → how many open tasks they hold, of the first SUMMED of the organization one stands in."""
    some = Task.select(Task.id, Task.holder.alias("holder")).where(spelled(OPEN)).limit(SUMMED).alias("some")
    query = Select([some], [some.c.holder, fn.count(some.c.id)]).group_by(some.c.holder)
    return dict(Compiled(lambda: query)())


def left_behind(by):
    """[(user id, name, how many)] of those who hold open tasks and aren't members any more; for who may reassign."""
    if not by.may("tasks.write_all"):
        return []
    present, counted = members(), held()
    left = {id: count for id, count in counted.items() if id not in present}
    known = names(left)
    return sorted((id, known.get(id, "Somebody"), count) for id, count in left.items())


@writes
def hand_over(from_id, to_id, *, by):
    """Give all open tasks that somebody holds to a member; returns how many. Refuses with Invalid and Forbidden."""
    by.require("tasks.write_all")
    to = whole(to_id)
    if to not in members():
        raise Invalid({"to": "Choose a member of this organization."})
    if to == whole(from_id):
        raise Invalid({"to": "Choose somebody else: they have these tasks already."})
    batch, found = public_id(), Task.select().where(spelled(OPEN), Task.holder == (whole(from_id) or 0))
    given = [rows.write(tasks.rules, task, {"assigned_to": to}, by, batch) for task in list(found)]
    return len([change for change in given if change is not None])

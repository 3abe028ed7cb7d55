"""Who may what with a table that people made."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Rights:
    """What somebody may do with one table; two that are equal share everything that is kept of it."""

    sees_any: bool = True
    adds: bool = False
    archives: bool = False
    builds: bool = False
    rows: str = "all"  # or "mine"
    hidden: frozenset = frozenset()  # names of fields
    fixed: frozenset = frozenset()  # names of fields that are seen and not changed
    changes_any: bool = False

    def sees(self, name):
        return name not in self.hidden

    def changes(self, name):
        return self.changes_any and name not in self.hidden and name not in self.fixed


def of(collection, by):
    """The Rights of a member: owners and admins all, members write, viewers look."""
    writes = by.may("records.write")
    return Rights(
        sees_any=by.may("records.read"),
        adds=writes,
        archives=writes,
        changes_any=writes,
        builds=by.may("records.build"),
    )

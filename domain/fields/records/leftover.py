"""Words that stand in a cell and don't fit its kind: kept as they are, shown with a mark, and no value."""

from domain.fields.kinds import Kind


class LeftOver(str):
    """What is left over in a cell. Sums, orders and conditions take the cell for an empty one."""

    __slots__ = ()


def stored_cell(kind: Kind, value):
    """A cell as JSON, for documents and history."""
    return {"left_over": str(value)} if isinstance(value, LeftOver) else kind.stored(value)


def restored_cell(kind: Kind, stored):
    """The cell that `stored_cell` was made of."""
    if isinstance(stored, dict) and stored.keys() == {"left_over"}:
        return LeftOver(stored["left_over"])
    return kind.restored(stored)


def plain_cell(kind: Kind, value):
    """A cell as text: the very words of what is left over."""
    return str(value) if isinstance(value, LeftOver) else kind.plain(value)

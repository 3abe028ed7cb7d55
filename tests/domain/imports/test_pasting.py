"""What was copied in a spreadsheet, as cells; and rows out of it."""

import pytest

from database.scope import inside
from domain import Forbidden, Invalid
from domain.imports import pasting
from domain.lists import rows
from domain.tasks import tasks
from models import Task


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a\tb\r\nc\td\r\n", [["a", "b"], ["c", "d"]]),
        ('"two\nlines"\t"said ""so"""\n', [["two\nlines", 'said "so"']]),
        ('5" pipe\tx\n"y\tz', [['5" pipe', "x"], ['"y', "z"]]),  # marks that open nothing
        ("Meyer, Berlin\nMoor; Rome", [["Meyer, Berlin"], ["Moor; Rome"]]),
    ],
)
def test_cells_are_what_was_copied(text, cells):
    assert [row for _, row in pasting.look(text, tasks.listing).rows] == cells


def test_a_first_row_is_a_header_where_it_names_fields():
    found = pasting.look("title\tWhatever\tPRIORITY\na\tb\tlow\n", tasks.listing)
    assert (found.layout.has_header, found.columns) == (True, ["title", "Whatever", "PRIORITY"])
    assert not pasting.look("Title\n", tasks.listing).layout.has_header
    with pytest.raises(Invalid):
        pasting.look("\t \n", tasks.listing)


def test_many_rows_are_one_batch_and_one_undo(cast, at):
    found = pasting.look("\n".join(f"T{n}" for n in range(60)), tasks.listing)
    with inside(cast.acme):
        by = at("alice")
        mapping = pasting.propose(tasks.listing, found, by)
        batch, count, refused = pasting.put(tasks.rules, found, mapping, by=by)
        assert (count, refused, Task.select().count()) == (60, [], 60)
        assert rows.undo(tasks.rules, batch, by=by) == 60
        with pytest.raises(Forbidden):
            pasting.put(tasks.rules, found, mapping, by=at("vera"))
        assert Task.select().count() == 0

"""A row as a line, and back."""

import pytest

from domain.lists import rows
from domain.operations.moving import row_lines
from domain.tasks import tasks
from models import Task


def test_a_row_is_the_same_again(at, inside_acme):
    form = {"title": "Zażółć\u2028", "due_at": "2026-12-31", "assigned_to": str(at("bob").user.id)}
    made = rows.create(tasks.rules, form, by=at("alice"))
    row = Task.get_by_id(made.id)
    line = row_lines.written(row)
    assert "\n" not in line
    assert row_lines.read(Task, line) == row.__data__
    assert [one.id for some in row_lines.batches(Task) for one in some] == [made.id]
    with pytest.raises(ValueError, match="other fields"):
        row_lines.read(Task, '{"id": 1}')

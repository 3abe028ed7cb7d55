"""A list as a file, in each form."""

import csv
import io
import json

import pytest
from openpyxl import load_workbook

import models
from database.scope import inside
from domain.fields.records.leftover import LeftOver
from domain.imports import reading
from domain.lists import rows
from domain.tasks import tasks
from tests.fixtures.threads import write
from views.lists import export, workbook

FORMS = [form for form, _ in export.FORMS]
HARD = ['a;b,"c"', "=1+1", "-35.01", "+49 30 1234", "'=guarded", "two  spaces", "العربية 👍"]


@pytest.fixture
def many(at, cast):
    """Tasks whose words are hard on files."""
    with inside(cast.acme):
        return [
            rows.create(
                tasks.rules,
                {"title": text, "description": f"{text}\n\nsecond", "due_at": due, "assigned_to": str(cast.bob.id)},
                by=at("alice"),
            )
            for text, due in zip(HARD, ["2026-12-31", "2026-12-31T10:00+00:00"] * 4, strict=False)
        ]


def taken(browse, form, query="?tab=all&sort=oldest"):
    response = browse("alice").get(f"/acme/tasks/export.{form}{query}")
    assert response.status_code == 200
    return response


def test_csv_for_programs_has_names_words_addresses_and_utc(browse, many):
    found = list(csv.DictReader(io.StringIO(taken(browse, "machines.csv").get_data(True))))
    assert [row["title"] for row in found] == [reading.guarded(" ".join(text.split())) for text in HARD]
    assert (found[1]["assigned_to"], found[1]["status"]) == ("bob@example.org", "pending")
    assert (found[0]["due_at"], found[1]["due_at"]) == ("2026-12-31", "2026-12-31T10:00:00+00:00")


def test_json_lines_are_a_row_each(browse, many):
    response = taken(browse, "jsonl")
    found = [json.loads(line) for line in response.get_data(True).splitlines()]
    assert [row["title"] for row in found] == [" ".join(text.split()) for text in HARD]
    assert (found[0]["id"], found[0]["description"], found[0]["category"]) == (
        many[0].id,
        f"{HARD[0]}\n\nsecond",
        "general",
    )
    assert response.headers["Content-Disposition"].endswith('.jsonl"')


def test_a_workbook_has_cells_of_their_kinds_and_no_formula(browse, many):
    data = taken(browse, "xlsx").get_data()
    found = [list(row) for row in load_workbook(io.BytesIO(data)).active.iter_rows()]
    assert [row[1].value for row in found[1:]] == [" ".join(text.split()) for text in HARD]
    assert {row[1].data_type for row in found[1:]} == {"s"}
    assert found[1][0].value == many[0].id
    due = [cell.value for cell in found[0]].index("Due")
    assert found[1][due].is_date
    assert found[1][due].number_format == "yyyy-mm-dd"


def test_a_workbook_refuses_what_no_cell_of_it_can_hold(browse, many, monkeypatch):
    monkeypatch.setattr(workbook, "SIGNS", 10)
    response = browse("alice").get("/acme/tasks/export.xlsx?tab=all")
    assert response.status_code == 409
    assert "holds 10 characters" in response.get_data(True)


def test_a_sheet_that_is_full_is_followed_by_another(monkeypatch):
    monkeypatch.setattr(workbook, "ROWS", 3)
    book = load_workbook(io.BytesIO(b"".join(workbook.made(["Id", "N"], ([n, n] for n in range(5))))))
    assert [sheet.max_row for sheet in book] == [3, 3, 2]


@pytest.mark.parametrize("form", FORMS)
def test_only_what_one_may_see_is_in_any_form(browse, many, form, cast):
    write(models.Organization.update(own_tasks_only=True).where(models.Organization.id == cast.acme.id).execute)
    assert browse("charlie").get(f"/acme/tasks/export.{form}").status_code == 404
    assert browse("bob").get(f"/acme/tasks/export.{form}?tab=all").status_code == 403


def test_a_list_offers_what_it_shows_and_all(browse, many):
    page = browse("alice").get("/acme/tasks?q=spaces").get_data(True)
    assert 'href="/acme/tasks/export.xlsx?q=spaces"' in page
    assert 'href="/acme/tasks/export.xlsx?tab=all"' in page


def test_words_left_over_stand_as_they_are():
    row = type("Row", (), {"due_at": LeftOver("=soon"), "id": 1})()
    field = tasks.listing.by_name["due_at"]
    assert export.neutral(field, row, {}) == "=soon"
    assert export._spoken(field, row, {}) == "'=soon"

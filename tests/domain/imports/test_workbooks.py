"""Workbooks, sound and made to do harm."""

import datetime as dt
import zipfile

import pytest
import xlsxwriter
from openpyxl import Workbook

from domain.imports import reading, workbooks
from tests.fixtures.files import refusal, seen


def workbook(tmp_path, rows, fill=None):
    book = Workbook()
    for row in rows:
        book.active.append(row)
    if fill:
        fill(book)
    book.save(tmp_path / "book.xlsx")
    return tmp_path / "book.xlsx"


def test_a_workbook_is_read_as_its_cells_are(tmp_path):
    path = workbook(
        tmp_path,
        [
            ["name", "when", "much", "yes", "at"],
            ["A", dt.date(2026, 3, 29), 1234.5, True, dt.datetime(2026, 3, 29, 8, 30)],
            [None],
            ["B", None, 5.0],
        ],
        lambda book: setattr(book.create_sheet("Secret"), "sheet_state", "hidden"),
    )
    found, rows = seen(path)
    assert rows == [["A", "2026-03-29", "1234.5", "true", "2026-03-29T08:30:00"], ["B", "", "5"]]
    assert [line for line, _ in reading.rows(path, found.layout)] == [2, 4]
    assert found.notes == ["1 hidden sheet is left out."]
    assert isinstance(rows[0][2], reading.Neutral)


def repacked(path, change, how=zipfile.ZIP_DEFLATED):
    """The workbook with parts made anew: (name, data) → data."""
    made = path.with_name("made.xlsx")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(made, "w", how) as new:
        for part in old.namelist():
            new.writestr(part, change(part, old.read(part)))
    return made


def test_a_workbook_that_says_it_is_smaller_than_it_is_is_read_whole(tmp_path):
    """petl 437: files of LibreOffice ended at row 65,536."""
    path = workbook(tmp_path, [["n"], *([n] for n in range(50))])
    short = repacked(path, lambda name, data: data.replace(b'ref="A1:A51"', b'ref="A1:A3"'))
    assert len(seen(short)[1]) == 50


def test_bombs_are_refused_before_they_go_off(tmp_path):
    path = workbook(tmp_path, [["n"], [1]])
    zeros = repacked(path, lambda name, data: data + b" " * 30_000_000 if "sheet1" in name else data)
    assert "too much for its size" in refusal(zeros)


def test_what_unpacks_without_bound_or_lists_without_end_is_refused_before_it_is_read(tmp_path, monkeypatch):
    path = workbook(tmp_path, [["n"], [1]])
    assert "packed in a way" in refusal(repacked(path, lambda name, data: data, zipfile.ZIP_BZIP2))
    monkeypatch.setattr(workbooks, "DIRECTORY", 100)
    assert "more parts" in refusal(path)


LAUGHS = b"<?xml version='1.0'?><!DOCTYPE x [<!ENTITY a 'ha'><!ENTITY b '&a;&a;&a;&a;'>]>"


@pytest.mark.parametrize("part", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_entities_in_a_workbook_are_refused(tmp_path, part):
    path = tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet().write_column("A1", ["n", "x"])
    made = repacked(path, lambda name, data: LAUGHS + data[data.index(b"?>") + 2 :] if name == part else data)
    assert "damaged" in refusal(made)


@pytest.mark.parametrize(
    "part", ["xl/workbook.xml", "xl/worksheets/sheet1.xml", "[Content_Types].xml", "xl/styles.xml"]
)
def test_a_damaged_workbook_is_refused_with_a_sentence(tmp_path, part):
    path = workbook(tmp_path, [["n"], [1]])
    made = repacked(path, lambda name, data: data[: len(data) // 2] if name == part else data)
    assert "workbook" in refusal(made)

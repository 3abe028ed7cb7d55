"""Rows as an Excel workbook, each cell of its kind: made in a file of its own, then sent from there."""

import tempfile
from contextlib import ExitStack
from datetime import date, datetime, timedelta
from decimal import Decimal

from werkzeug.wsgi import FileWrapper

from database.clock import local
from database.late import Late
from domain import Refused
from domain.fields.records.leftover import LeftOver

xlsxwriter = Late("xlsxwriter")
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
ROWS = 1_048_576  # of a sheet
SIGNS = 32_767  # of a cell
DIGITS = 15  # of a number; beyond, a spreadsheet makes another one of it
FORMATS = {date: "yyyy-mm-dd", datetime: "yyyy-mm-dd hh:mm:ss", timedelta: "[h]:mm:ss"}
OPTIONS = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
HELD = 1_000_000  # bytes of a file that are sent at once, without the file
CHUNK = 1 << 16


def chunks(fields, answers):
    """The workbook of a list's rows, in pieces. Refuses with Refused, before the first, what no cell can hold."""
    return made(["Id", *(f.label for f in fields)], _cells(fields, answers))


def _cells(fields, answers):
    for found in answers:
        for row in found.rows:
            yield [row.id, *(_cell(f, row, found.people) for f in fields)]


def _cell(field, row, people):
    value, kind = getattr(row, field.name), field.kind
    if value is None or isinstance(value, LeftOver):
        return value and str(value)
    if kind.names_people:
        return people.get(value, "")
    if kind.name == "duration":
        return timedelta(seconds=value)
    if kind.is_figure and isinstance(value, bool | int | Decimal | date):
        return value
    return str(kind.exported(value, row))


def made(labels, rows):
    """A workbook with a heading, in pieces."""
    with ExitStack() as until_it_is_made:
        file = until_it_is_made.enter_context(tempfile.TemporaryFile())
        with xlsxwriter.Workbook(file, OPTIONS) as book:
            formats = {kind: book.add_format({"num_format": text}) for kind, text in FORMATS.items()}
            page, number = _page(book, labels), 0
            for row in rows:
                number += 1
                if number == ROWS:
                    page, number = _page(book, labels), 1
                for place, value in enumerate(row):
                    _write(page, number, place, value, formats)
        size = file.tell()
        file.seek(0)
        if size <= HELD:
            return (file.read(),)
        until_it_is_made.pop_all()  # whoever sends it closes it
    return FileWrapper(file, CHUNK)


def _page(book, labels):
    page = book.add_worksheet()
    page.freeze_panes(1, 0)
    for place, label in enumerate(labels):
        page.write_string(0, place, label)
    return page


def _write(page, number, place, value, formats):
    if value is None or value == "":
        return
    if isinstance(value, bool):
        page.write_boolean(number, place, value)
    elif isinstance(value, int | Decimal) and len(str(abs(value)).replace(".", "")) <= DIGITS:
        page.write_number(number, place, value)
    elif isinstance(value, datetime):
        page.write_datetime(number, place, local(value).replace(tzinfo=None), formats[datetime])
    elif isinstance(value, date | timedelta):
        page.write_datetime(number, place, value, formats[type(value)])
    else:
        text = str(value)
        if len(text) > SIGNS:
            raise Refused(
                f"A cell of a workbook holds {SIGNS:,} characters; one of row {number:,} has {len(text):,}. "
                "Take the CSV, which has no such limit."
            )
        page.write_string(number, place, text)

"""A list as a file: CSV for people, CSV for machines, lines of JSON; nothing is held but one chunk. Workbooks are
views/lists/workbook.py.

CSV for people is made to be opened in a spreadsheet: with a mark that says UTF-8, parted as the reader's language
parts (those that write decimals with a comma part by semicolons), every text quoted so that it is one cell however it
is parted. CSV for machines has the names of fields, their stored words, e-mail addresses of people and UTC.
"""

import csv
import io
import json
from contextlib import nullcontext

from flask import Response, request

from database.clock import now
from database.connections import database
from database.scope import inside
from domain.fields.person import emails
from domain.fields.records.leftover import LeftOver, plain_cell, restored_cell
from domain.imports.reading import guarded
from domain.lists import lists
from domain.lists.listing import demand
from views.lists import workbook

MARK = "\ufeff"
SEMICOLONS = {
    *("bg", "cs", "da", "de", "el", "es", "et", "fi", "fr", "hr", "hu", "it", "lt", "lv", "nb", "nl", "no"),
    *("pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "tr", "uk"),
}
CSV, JSON_LINES = "text/csv; charset=utf-8", "application/x-ndjson"
# What is offered: the address it is at, and how it is called.
FORMS = (
    ("csv", "CSV, for a spreadsheet"),
    ("xlsx", "Excel workbook"),
    ("machines.csv", "CSV, for programs"),
    ("jsonl", "JSON lines, for programs"),
)


def handler(form):
    """What answers at the address of a form."""

    def export(mounted, parts):
        place = mounted.place(parts)
        return answer(place.listing, place.ask, place.by, form)

    export.__name__ = f"export_{form.replace('.', '_')}"
    return export


def answer(listing, ask, by, form="csv"):
    """A download of all rows that this Ask finds, in one of the FORMS."""
    demand(by, listing.tab(ask.tab).capability)
    fields = [f for f in listing.fields if f.listed or f.name in listing.wide.Row._fields]
    name, answers = listing.name.replace("_", "-").replace(":", "-"), lists.export(listing, ask, by)
    if form == "xlsx":
        return sent(name, "xlsx", workbook.TYPE, workbook.chunks(fields, answers))
    if form == "jsonl":
        chunks = _chunks(answers, by, _JsonLines(fields))
    else:
        chunks = _chunks(answers, by, _Machines(fields) if form == "machines.csv" else _People(fields, _delimiter()))
    return sent(name, form, JSON_LINES if form == "jsonl" else CSV, chunks)


def sent(name, form, type, chunks):
    """A download of a file that is made, or is made as it goes out."""
    response = Response(chunks, content_type=type)
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{now():%Y-%m-%d}.{form}"'
    response.headers["Vary"] = "Accept-Language"
    return response


def in_words(kind, stored):
    """What history has of a cell, in words."""
    return plain_cell(kind, restored_cell(kind, stored)) if stored is not None else ""


def _delimiter():
    best = (request.accept_languages.best or "").split("-")[0].lower()
    return ";" if best in SEMICOLONS else ","


def _chunks(answers, by, sheet):
    """Chunk by chunk; the scope is entered for each, as a stream outlives its request."""
    for found in answers:
        with _scope(by):
            sheet.write(found)
        database.close()  # between chunks the connection is somebody else's
        yield sheet.out.getvalue().encode()
        sheet.out.seek(0)
        sheet.out.truncate()


def _scope(by):
    return inside(by.organization) if by.organization else nullcontext()


class _People:
    """What a person reads."""

    def __init__(self, fields, delimiter):
        self.fields, self.out = fields, io.StringIO()
        self.out.write(MARK)
        self.csv = csv.writer(self.out, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC)
        self.csv.writerow(["Id", *(f.label for f in fields)])

    def write(self, found):
        self.csv.writerows([row.id, *(_spoken(f, row, found.people) for f in self.fields)] for row in found.rows)


def _spoken(field, row, people):
    value = getattr(row, field.name)
    if isinstance(value, LeftOver):
        return guarded(value)
    written = people.get(value, "") if field.kind.names_people else field.kind.exported(value, row)
    return guarded(written) if isinstance(written, str) and not field.kind.is_figure else written


class _Machines:
    """What a program reads: nothing of it depends on who asks, or on their language."""

    def __init__(self, fields):
        self.fields, self.out = fields, io.StringIO()
        self.csv = csv.writer(self.out)
        self.csv.writerow(["id", *(f.name for f in fields)])

    def write(self, found):
        known = _addresses(self.fields, found)
        for row in found.rows:
            self.csv.writerow([row.id, *(_neutral_text(f, row, known) for f in self.fields)])


def _neutral_text(field, row, known):
    value = neutral(field, row, known)
    if isinstance(value, dict | list):  # one cell: as it reads, which brings it back
        value = field.kind.for_programs(getattr(row, field.name))
    if isinstance(value, str):
        return value if field.kind.is_figure else guarded(value)
    return "" if value is None else json.dumps(value, ensure_ascii=False, default=str)


class _JsonLines:
    """A row a line, as the API has it."""

    def __init__(self, fields):
        self.fields, self.out = fields, io.StringIO()

    def write(self, found):
        known = _addresses(self.fields, found)
        for row in found.rows:
            cells = {f.name: neutral(f, row, known) for f in self.fields}
            over = {
                f.name: str(getattr(row, f.name)) for f in self.fields if isinstance(getattr(row, f.name), LeftOver)
            }
            cells = {name: None if name in over else value for name, value in cells.items()}
            cells |= {"_left_over": over} if over else {}
            self.out.write(json.dumps({"id": row.id} | cells, ensure_ascii=False, default=str) + "\n")


def neutral(field, row, known):
    """A cell as JSON that doesn't depend on who reads it; of a person the address, or the name of one who left."""
    value = getattr(row, field.name)
    if value is None or isinstance(value, LeftOver):
        return value and str(value)
    return known.get(value) if field.kind.names_people else field.kind.to_json(value)


def _addresses(fields, found):
    return found.people | emails(found.people) if any(f.kind.names_people for f in fields) else {}


def download(name, columns, rows):
    """A download of rows that aren't a list's, of which none is held but a chunk."""
    return sent(name, "csv", CSV, _written(columns, rows, _delimiter()))


def _written(columns, rows, delimiter):
    out = io.StringIO()
    out.write(MARK)
    write = csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC)
    write.writerow(columns)
    for count, row in enumerate(rows, 1):
        write.writerow([guarded(str(cell)) for cell in row])
        if count % 1000 == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    database.close()
    yield out.getvalue().encode()

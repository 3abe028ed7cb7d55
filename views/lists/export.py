"""CSV of a list as a stream: nothing is held but one chunk.

It is made to be opened in a spreadsheet: with a mark that says UTF-8, parted as the reader's language parts (those
that write decimals with a comma part by semicolons), every text quoted so that it is one cell however it is parted.
"""

import csv
import io
from contextlib import nullcontext

from flask import Response, request

from database.clock import now
from database.connections import database
from database.scope import inside
from domain.imports.reading import guarded
from domain.lists import lists
from domain.lists.listing import demand

MARK = "\ufeff"
SEMICOLONS = {
    *("bg", "cs", "da", "de", "el", "es", "et", "fi", "fr", "hr", "hu", "it", "lt", "lv", "nb", "nl", "no"),
    *("pl", "pt", "ro", "ru", "sk", "sl", "sr", "sv", "tr", "uk"),
}


def answer(listing, ask, by):
    """A download of all rows that this Ask finds."""
    demand(by, listing.tab(ask.tab).capability)
    return _file(listing.name.replace("_", "-"), _lines(listing, lists.export(listing, ask, by), by, _delimiter()))


def _file(name, chunks):
    response = Response(chunks, content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{now():%Y-%m-%d}.csv"'
    response.headers["Vary"] = "Accept-Language"
    return response


def _delimiter():
    best = (request.accept_languages.best or "").split("-")[0].lower()
    return ";" if best in SEMICOLONS else ","


def _writer(delimiter):
    out = io.StringIO()
    out.write(MARK)
    return out, csv.writer(out, delimiter=delimiter, quoting=csv.QUOTE_NONNUMERIC)


def _lines(listing, answers, by, delimiter):
    """Chunk by chunk; the scope is entered for each, as a stream outlives its request."""
    out, write = _writer(delimiter)
    fields = [f for f in listing.fields if f.listed or f.name in listing.wide.Row._fields]
    write.writerow(["Id", *(f.label for f in fields)])
    for found in answers:
        with inside(by.organization) if by.organization else nullcontext():
            for row in found.rows:
                write.writerow([row.id, *(_cell(f, row, found.people) for f in fields)])
        database.close()  # between chunks the connection is somebody else's
        yield out.getvalue().encode()
        out.seek(0)
        out.truncate()


def _cell(field, row, people):
    value = getattr(row, field.name)
    written = people.get(value, "") if field.kind.names_people else field.kind.exported(value, row)
    return guarded(written) if isinstance(written, str) else written


def download(name, columns, rows):
    """A download of rows that aren't a list's, of which none is held but a chunk."""
    return _file(name, _written(columns, rows, _delimiter()))


def _written(columns, rows, delimiter):
    out, write = _writer(delimiter)
    write.writerow(columns)
    for count, row in enumerate(rows, 1):
        write.writerow([guarded(str(cell)) for cell in row])
        if count % 1000 == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    database.close()
    yield out.getvalue().encode()

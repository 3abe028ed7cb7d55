"""CSV of a list as a stream: nothing is held but one chunk."""

import csv
import io
from contextlib import nullcontext

from flask import Response

from database.clock import now
from database.connections import database
from database.scope import inside
from domain.lists import lists
from domain.lists.listing import demand


def answer(listing, ask, by):
    """A download of all rows that this Ask finds."""
    demand(by, listing.tab(ask.tab).capability)
    response = Response(_lines(listing, lists.export(listing, ask, by), by), content_type="text/csv; charset=utf-8")
    name = listing.name.replace("_", "-")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{now():%Y-%m-%d}.csv"'
    return response


def _lines(listing, answers, by):
    """Chunk by chunk; the scope is entered for each, as a stream outlives its request."""
    out = io.StringIO()
    write = csv.writer(out)
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
    return inert(written) if isinstance(written, str) else written


def inert(text):
    """A cell's text that no spreadsheet runs as a formula (OWASP: CSV injection)."""
    return "'" + text if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text


def download(name, columns, rows):
    """A download of rows that aren't a list's, of which none is held but a chunk."""
    response = Response(_written(columns, rows), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}-{now():%Y-%m-%d}.csv"'
    return response


def _written(columns, rows):
    out = io.StringIO()
    write = csv.writer(out)
    write.writerow(columns)
    for count, row in enumerate(rows, 1):
        write.writerow([inert(str(cell)) for cell in row])
        if count % 1000 == 0:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    database.close()
    yield out.getvalue().encode()

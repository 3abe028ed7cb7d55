"""Rows out of an Excel workbook: streamed, and bounded before anything is unpacked."""

import zipfile
import zlib
from contextlib import contextmanager
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from xml.etree.ElementTree import ParseError

from domain import Invalid
from domain.files import zips

UNPACKED = 1_000_000_000  # bytes of all its parts
TIMES = 100  # how much larger than the file its parts may be
DIRECTORY = 5_000_000  # bytes of its list of parts
PART = 100_000_000  # bytes of a part that isn't a sheet: it is held in memory
# What a damaged workbook may raise while it is read: openpyxl trusts what it finds.
_DAMAGED = (
    *(ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, EOFError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, ParseError),
)


class Neutral(str):
    """A cell that was a number, a date or a yes in the file: its text is the neutral one, whatever the column's."""

    __slots__ = ()


def _refused(sentence):
    return Invalid({"file": sentence})


@contextmanager
def _opened(path):
    from openpyxl import load_workbook

    _check(path)
    with path.open("rb") as file:
        try:
            book = load_workbook(file, read_only=True, data_only=True, keep_links=False)
        except _DAMAGED:
            raise _refused("This workbook can't be read: it is damaged, or it isn't one (.xlsx).") from None
        try:
            yield book
        finally:
            book.close()


def _check(path):
    """Refuse what would unpack to more than can be held: zip bombs."""
    if zips.directory(path) > DIRECTORY:
        raise _refused("This workbook has more parts than can be read.")
    try:
        with zipfile.ZipFile(path) as packed:
            parts = packed.infolist()
    except _DAMAGED:
        raise _refused("This workbook can't be read: it is damaged, or it isn't one (.xlsx).") from None
    if not any(part.filename == "xl/workbook.xml" for part in parts):
        raise _refused("This is a packed file, but no Excel workbook (.xlsx).")
    if any(part.compress_type not in zips.BOUNDED for part in parts):
        raise _refused("This workbook is packed in a way that Excel doesn't. Save it anew.")
    total = sum(part.file_size for part in parts)
    if total > UNPACKED or total > TIMES * max(path.stat().st_size, 10_000):
        raise _refused(f"Unpacked, this workbook would have {total / 1e6:,.0f} MB, which is too much for its size.")
    large = max((part.file_size for part in parts if not part.filename.startswith("xl/worksheets/")), default=0)
    if large > PART:
        raise _refused("This workbook holds too much text to be read at once. Save the sheet as CSV UTF-8.")


def sheets(path):
    """(names of the sheets one can see, sentences about the others). Refuses with Invalid."""
    with _opened(path) as book:
        seen = [sheet for sheet in book.worksheets if sheet.sheet_state == "visible"]
        hidden = len(book.worksheets) - len(seen)
        names = [sheet.title for sheet in seen or book.worksheets]
    if not names:
        raise _refused("This workbook has no sheet with rows.")
    said = f"{hidden} hidden {'sheet is' if hidden == 1 else 'sheets are'} left out." if hidden and seen else ""
    return names, [said] if said else []


def rows(path, sheet):
    """(row number, cells as text) of each row of a sheet that isn't empty. Refuses with Invalid."""
    with _opened(path) as book:
        for number, values in enumerate(_values(book, sheet), 1):
            cells = [_text(value) for value in values]
            while cells and not cells[-1]:
                cells.pop()
            if any(map(str.strip, cells)):
                yield number, cells


def _values(book, sheet):
    try:
        page = book[sheet]
        page.reset_dimensions()  # what a file says of its size isn't always so
        yield from page.iter_rows(values_only=True)
    except _DAMAGED:
        raise _refused("This workbook can't be read to its end: it is damaged.") from None


def _text(value):
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return Neutral("true" if value else "false")
    if isinstance(value, float):
        return Neutral(format(Decimal(repr(value)), "f").removesuffix(".0"))
    if isinstance(value, datetime):
        is_day = value.time() == time(0)
        return Neutral(value.date().isoformat() if is_day else value.isoformat(timespec="seconds"))
    if isinstance(value, date | time):
        return Neutral(value.isoformat())
    if isinstance(value, timedelta):
        minutes, seconds = divmod(round(value.total_seconds()), 60)
        return Neutral(f"{minutes // 60}:{minutes % 60:02}:{seconds:02}")
    return Neutral(str(value))

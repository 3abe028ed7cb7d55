"""Reading a table out of a file: CSV, TSV or a workbook, one row after another, none of it held.

What cannot be known of a file is asked, with its very lines: `look` says what was found and what is open, a Layout
says how it is read. Limits: SIZE bytes, ROWS rows, COLUMNS columns.
"""

import codecs
import csv
import re
import unicodedata
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from itertools import islice

import charset_normalizer

from domain import Invalid
from domain.fields.kinds import clean, comparable
from domain.imports import workbooks
from domain.imports.workbooks import Neutral

SIZE = 100_000_000  # bytes
ROWS = 1_000_000
COLUMNS = 200
LABEL = 80  # signs of what a column is called
HEAD = 64 * 1024  # bytes that are looked at to see how a file is made
SEEN = 5000  # rows by which a file is judged before all of it is read
SAMPLED = 200  # rows by which a delimiter is judged
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
# What a file that isn't UTF-8 may be in, the likeliest first.
ENCODINGS = {
    "cp1252": "Windows, Western Europe",
    "mac_roman": "Mac, Western Europe",
    "cp1250": "Windows, Central Europe",
    "cp1251": "Windows, Cyrillic",
    "cp1253": "Windows, Greek",
    "cp1254": "Windows, Turkish",
    "cp850": "DOS, Western Europe",
    "koi8_r": "Cyrillic (KOI8-R)",
    "shift_jis": "Japanese (Shift JIS)",
    "gb18030": "Chinese (GB 18030)",
    "big5": "Chinese (Big5)",
    "euc_kr": "Korean (EUC-KR)",
}
KNOWN_ENCODINGS = {"utf-8", "utf-8-sig", "utf-16", *ENCODINGS}
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_OTHERS = (
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook (.xls), or one with a password"),
    (b"%PDF", "a PDF"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"GIF8", "a picture"),
    (b"\x1f\x8b", "a packed file"),
    (b"7z\xbc\xaf", "a packed file"),
    (b"Rar!", "a packed file"),
    (b"SQLite format 3", "a database"),
)


@dataclass(frozen=True)
class Layout:
    """How a file is read; `kept` is it as JSON."""

    form: str = "csv"  # or xlsx
    encoding: str = "utf-8"
    delimiter: str = ","
    sheet: str = ""
    has_header: bool = True
    begins: int = 0  # lines before the first row: one that says `sep=;`

    def kept(self):
        return asdict(self)

    def but(self, **changes):
        return replace(self, **changes)


@dataclass
class Look:
    """What a file shows before anything is decided."""

    layout: Layout
    columns: list = field(default_factory=list)  # what its columns are called
    rows: list = field(default_factory=list)  # the first of them, as (line, cells)
    count: int | None = None  # of its rows, where that is known
    encodings: list = field(default_factory=list)  # (encoding, name, its lines so read): to choose from
    asks_header: bool = False
    sheets: list = field(default_factory=list)  # names of those that can be seen
    notes: list = field(default_factory=list)  # sentences


def unreadable(sentence):
    """The refusal of a file."""
    return Invalid({"file": sentence})


# --- looking ----------------------------------------------------------------------------------------------


def look(path, chosen=None, count=None):
    """How the file is made: a Look. `chosen` is name → value of a Layout that somebody decided already.

    `count` is how many rows it has, where that was counted before.

    Refuses with Invalid what is no table, or is beyond the limits.
    """
    chosen = {name: value for name, value in (chosen or {}).items() if name in Layout.__dataclass_fields__}
    size = path.stat().st_size
    if size > SIZE:
        raise unreadable(
            f"The file has {size / 1e6:,.0f} MB; at most {SIZE // 1_000_000} MB can be brought in at once."
        )
    with path.open("rb") as file:
        head = file.read(HEAD)
    if head.startswith(b"PK\x03\x04"):
        found = _look_into_workbook(path, chosen)
    else:
        found = _look_into_text(path, head, chosen, count)
    _name_columns(found, chosen)
    found.count = count or found.count
    return found


def _look_into_workbook(path, chosen):
    sheets, notes = workbooks.sheets(path)
    sheet = chosen.get("sheet") if chosen.get("sheet") in sheets else sheets[0]
    if len(sheets) > 1:
        notes.append(f"It has {len(sheets)} sheets; “{sheet}” is read.")
    layout = Layout(form="xlsx", sheet=sheet)
    return Look(layout, rows=list(islice(_raw(path, layout), SEEN)), sheets=sheets, notes=notes)


def _look_into_text(path, head, chosen, known):
    _refuse_what_is_no_text(head)
    encoding, offers = _encoding(path, head, chosen.get("encoding"))
    layout = Layout(encoding=encoding)
    with _opened(path, layout) as file:
        text = file.read(HEAD)
    given, begins = delimiter_of(text)
    if chosen.get("delimiter") in DELIMITERS:
        given = chosen["delimiter"]
    layout = layout.but(delimiter=given, begins=begins)
    count, first = 0, []
    for row in _raw(path, layout):
        count += 1
        if count <= SEEN:
            first.append(row)
        elif known is not None:
            break
    if count > ROWS + 1:
        raise unreadable(f"The file has {count:,} rows; at most {ROWS:,} can be brought in at once.")
    return Look(layout, rows=first, count=count, encodings=offers)


def _refuse_what_is_no_text(head):
    if not head.strip():
        raise unreadable("The file is empty.")
    other = next((what for mark, what in _OTHERS if head.startswith(mark)), "")
    if other:
        raise unreadable(f"This is {other}. Save it as CSV or as an Excel workbook (.xlsx), then choose it again.")
    if b"\0" in head and not head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise unreadable("This isn't a text file, or it is damaged: it holds signs that no text has (NUL).")


def _encoding(path, head, chosen):
    """(encoding, offers to choose from where it can't be known)"""
    marked = next((name for mark, name in _MARKS if head.startswith(mark)), None)
    name = marked or "utf-8"
    if _reads(path, name):
        return name, []
    if marked:
        raise unreadable("The file says that it is Unicode, but it is damaged. Save it as CSV UTF-8 once more.")
    lines = _foreign_lines(path)
    offers: list[tuple] = []
    for name in _candidates(lines):
        if len(offers) < 3 and _reads(path, name):
            shown = [line.decode(name, "replace") for line in lines]
            if shown not in [other for _, _, other in offers]:
                offers.append((name, ENCODINGS[name], shown))
    if not offers:
        raise unreadable("The file is in no encoding that is known here. Save it as CSV UTF-8, then choose it again.")
    if chosen in ENCODINGS and _reads(path, chosen):
        return chosen, offers
    return offers[0][0], offers


def _candidates(lines):
    """Windows-1252 first; a guess only orders what else is offered."""
    guessed = [match.encoding for match in charset_normalizer.from_bytes(b"\n".join(lines))]
    return dict.fromkeys(["cp1252", *(name for name in guessed if name in ENCODINGS), *ENCODINGS])


def _reads(path, encoding):
    """Whether the whole file is of this encoding, strictly."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with path.open("rb") as file:
            while part := file.read(1 << 20):
                decoder.decode(part)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _foreign_lines(path, count=3):
    """The first lines that aren't plain ASCII, each once."""
    found: dict[bytes, None] = {}
    with path.open("rb") as file:
        for line in file:
            if not line.isascii():
                found[line.rstrip(b"\r\n")[:200]] = None
                if len(found) == count:
                    break
    return list(found)


def delimiter_of(text):
    """(what parts the cells, how many lines stand before the first row).

    Some programs say it in a first line, `sep=;`. Else, of the signs that part most rows into equally many, it is the
    one that parts them most. The last line of a piece of text may be cut off, so it is left out where there are others.
    """
    said = re.match(r"sep=(.)\r?\n", text)
    begins, text = (1, text[said.end() :]) if said else (0, text)
    if said and said[1] in DELIMITERS:
        return said[1], begins
    scores = {}
    for sign in DELIMITERS:
        widths = Counter(len(cells) for cells in _sampled(text, sign))
        width, rows = max(widths.items(), key=lambda pair: (pair[1], pair[0]), default=(1, 0))
        # One that parts everything, and evenly, beats one that is only seen more often.
        scores[sign] = (width > 1 and rows >= 0.95 * sum(widths.values()), width > 1, rows * (width > 1), width)
    return max(scores, key=lambda sign: scores[sign]), begins


def _sampled(text, sign):
    lines = text.splitlines(keepends=True)
    reader = csv.reader(lines[:-1] or lines, delimiter=sign)
    found = []
    try:
        for cells in reader:
            if any(cells):
                found.append(cells)
            if len(found) == SAMPLED:
                break
    except csv.Error:
        pass  # said with its line when the file is read
    return found


# --- what columns are called ------------------------------------------------------------------------------


def _name_columns(found, chosen):
    if not found.rows:
        raise unreadable("The file has no rows.")
    first, rest = found.rows[0][1], [cells for _, cells in found.rows[1:]]
    found.asks_header = not rest or _looks_like_data(first, rest)
    has = chosen.get("has_header")
    has = bool(has) if has is not None else not found.asks_header or not _is_data(first)
    found.layout = found.layout.but(has_header=has)
    if not has:
        first = [""] * max(len(cells) for _, cells in found.rows)
    while has and not first[-1].strip():
        first = first[:-1]
    if len(first) > COLUMNS:
        raise unreadable(f"The file has {len(first):,} columns; at most {COLUMNS} can be brought in.")
    found.columns = column_names(first)
    if has:
        found.rows = found.rows[1:]
        found.count = found.count and found.count - 1
    if not found.rows:
        raise unreadable("The file has no rows below the first line.")


def column_names(first):
    """What the columns of a first row are called: an empty one by its letter, a doubled one with a number."""
    names: dict[str, str] = {}
    for place, cell in enumerate(first):
        name = base = " ".join(clean(cell).split())[:LABEL] or f"Column {_letters(place)}"
        number = 2
        while comparable(name) in names:
            end = f" ({number})"
            name, number = base[: LABEL - len(end)] + end, number + 1
        names[comparable(name)] = name
    return [*names.values()]


def _letters(place):
    text, place = "", place + 1
    while place:
        place, rest = divmod(place - 1, 26)
        text = chr(65 + rest) + text
    return text


_DATA = re.compile(
    r"[-+(]?[\d.,' ]*\d[\d.,' ]*[)%]?|\d{1,4}[-./]\d{1,2}[-./]\d{1,4}.*|\S+@\S+\.\S+|https?://.*|(?i:true|false)"
)


def _is_data(cells):
    filled = [cell for cell in cells if cell.strip()]
    return sum(bool(_DATA.fullmatch(cell.strip())) for cell in filled) * 3 >= len(filled)


def _looks_like_data(first, rest):
    """Whether row 1 may be no header: it has figures, dates or addresses, or words that stand below it again."""
    below = [{row[place].strip() for row in rest if place < len(row)} for place in range(len(first))]
    return any(
        cell.strip() and (_DATA.fullmatch(cell.strip()) or cell.strip() in below[place])
        for place, cell in enumerate(first)
    )


# --- reading ----------------------------------------------------------------------------------------------


def rows(path, layout):
    """(line on which it begins, its cells as text) of each row below the header, empty ones left out.

    Refuses with Invalid where the file can't be read on, and beyond ROWS.
    """
    found = _raw(path, layout)
    if layout.has_header:
        next(found, None)
    for count, row in enumerate(found):
        if count == ROWS:
            raise unreadable(f"The file has more than {ROWS:,} rows. Bring it in in parts.")
        yield row


def _raw(path, layout):
    if layout.form == "xlsx":
        yield from workbooks.rows(path, layout.sheet)
        return
    with _opened(path, layout) as file:
        for _ in range(layout.begins):
            file.readline()
        yield from records(file, layout.delimiter, layout.begins)


def _opened(path, layout):
    return path.open(encoding=layout.encoding if layout.encoding in KNOWN_ENCODINGS else "utf-8", newline="")


def records(lines, delimiter, before=0):
    """(line on which it begins, cells) of each record that isn't empty; guards of formulas are taken off.

    Refuses with Invalid, and the line, where a quotation mark is missing.
    """
    reader, line = csv.reader(lines, delimiter=delimiter, strict=True), 0
    while True:
        try:
            cells = next(reader, None)
        except csv.Error:
            sentence = f"Line {before + line + 1} can't be read: a quotation mark is missing there, or is one too many."
            raise unreadable(sentence) from None
        if cells is None:
            return
        if any(map(str.strip, cells)):
            yield before + line + 1, [unguarded(cell) for cell in cells] if _GUARDS.search("\n".join(cells)) else cells
        line = reader.line_num


# --- formulas ---------------------------------------------------------------------------------------------

_GUARDS = re.compile(r"(?m)^'")
_RUN = ("=", "+", "-", "@")


def guarded(text):
    """A cell's text that no spreadsheet runs as a formula (OWASP: CSV injection), also in full-width signs."""
    return "'" + text if _is_run(text) else text


def unguarded(text):
    """The text that `guarded` was given."""
    return text[1:] if text.startswith("'") and _is_run(text[1:]) else text


def _is_run(text):
    bare = text.lstrip("'")  # what looks guarded is guarded once more, so that taking it off gives the same
    plain = unicodedata.normalize("NFKC", bare[:40]).lstrip()
    return plain.startswith(_RUN) or bare.startswith(("\t", "\r", "\n"))


# --- what spreadsheets damage -----------------------------------------------------------------------------

_LONG = re.compile(r"[-+]?\d[.,]\d+E\+?\d{2,}", re.I)


def shortened(text):
    """What to say of a long number that a spreadsheet has shortened, as 1.23E+15; "" of any other text."""
    is_long = _LONG.fullmatch(text.strip())
    return f"“{text}” is a long number that a spreadsheet has shortened: its last digits are gone." if is_long else ""


def damage(cells):
    """Sentences about a column whose numbers a spreadsheet has damaged, or would: it stays text."""
    said = [sentence for sentence in map(shortened, cells) if sentence][:1]
    if zeros := next((cell for cell in cells if re.fullmatch(r"0\d+", cell.strip())), None):
        said.append(f"“{zeros}” begins with zeros, so it is kept as text.")
    if any(isinstance(cell, Neutral) and re.fullmatch(r"-?\d{16,}", cell) for cell in cells):
        said.append("Numbers of more than 15 digits lose their last digits in a spreadsheet.")
    return said

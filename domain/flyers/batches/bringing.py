"""Names and photos that an organizer brings for a batch: a table (CSV or a workbook) and a ZIP of photos that its rows
name. Each row is looked at before anything is paid or drawn, and says what is wrong with it.

Photos come only as files in the ZIP, matched by name: no address in a cell is ever fetched.
"""

import hashlib
import tempfile
import unicodedata
import zipfile
import zlib
from itertools import islice
from pathlib import Path

from domain import Invalid, Refused
from domain.fields.kinds import clean, comparable
from domain.files import gate, zips
from domain.flyers import designs, plans
from domain.imports import reading

MOST = 500  # rows
TABLE, PHOTOS = 5_000_000, 100_000_000  # bytes of the two files; of the photos that rows name unpacked, too
ENTRIES = 2000  # in the ZIP, folders and what no row names too
DIRECTORY = ENTRIES * 500  # bytes of its list of files
PHOTO_COLUMNS = ("photo", "picture", "image", "foto")
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, RuntimeError, NotImplementedError, ValueError)


class Photos:
    """The photos of a ZIP by their names, without folders and in any case. Refuses with Invalid what is no ZIP."""

    def __init__(self, path):
        self.found, self.twice, self.known, self.unpacked = {}, set(), {}, 0
        if path is None:
            return
        if zips.directory(path) > DIRECTORY:
            raise Invalid({"photos": f"The ZIP has far more than {ENTRIES:,} files."})
        try:
            with zipfile.ZipFile(path) as packed:
                entries = [one for one in packed.infolist() if not one.is_dir()]
        except BROKEN:
            raise Invalid({"photos": "This is no ZIP, or it is damaged. Pack the photos once more."}) from None
        if len(entries) > ENTRIES:
            raise Invalid({"photos": f"The ZIP has {len(entries):,} files; at most {ENTRIES:,} can be brought."})
        self.path = path
        for entry in entries:
            if (name := called(entry.filename)) in self.found:
                self.twice.add(name)
            self.found[name] = entry

    def take(self, name, keep):
        """The hash of a photo that passed the gate, whose bytes go to `keep(hash, bytes)`; each is looked at once,
        however many rows name it. Refuses with Refused, saying why."""
        key = called(name)
        if key not in self.known:
            try:
                data = self._read(name, key)
                sha256 = hashlib.sha256(data).hexdigest()
                keep(sha256, data)
                self.known[key] = sha256, ""
            except Refused as refusal:
                self.known[key] = "", refusal.sentence
        kept, wrong = self.known[key]
        if wrong:
            raise Refused(wrong)
        return kept

    def _read(self, name, key):
        if key in self.twice:
            raise Refused(f"“{name}” is in the ZIP twice.")
        if key not in self.found:
            raise Refused(f"“{name}” isn't in the ZIP.")
        entry = self.found[key]
        if entry.compress_type not in zips.BOUNDED:
            raise Refused(f"“{name}” is packed in an unusual way. Pack the photos as an ordinary ZIP.")
        size = min(entry.file_size, gate.MOST_BYTES + 1)  # no more of it is read than it says to have
        if self.unpacked + size > PHOTOS:
            raise Refused(f"Unpacked, the photos have more than {PHOTOS // 1_000_000} MB. Bring them in parts.")
        self.unpacked += size
        try:
            with zipfile.ZipFile(self.path) as packed, packed.open(entry) as file:
                data = file.read(gate.MOST_BYTES + 1)
        except BROKEN:
            raise Refused(f"“{name}” can't be unpacked.") from None
        gate.check(data)
        return data


def called(name):
    """By what a photo and the cell that names it are compared."""
    base = clean(name).replace("\\", "/").rpartition("/")[2]
    return unicodedata.normalize("NFC", base.strip()).casefold()


def table(stream):
    """(names of columns, [(line, cells)]) of a table. Refuses with Invalid, and with more than MOST rows."""
    with tempfile.NamedTemporaryFile() as kept:
        data = stream.read(TABLE + 1)
        if len(data) > TABLE:
            raise Invalid({"file": f"The table can have at most {TABLE // 1_000_000} MB."})
        kept.write(data)
        kept.flush()
        path = Path(kept.name)
        found = reading.look(path, {"has_header": True})
        if (found.count or 0) > MOST:
            raise Invalid({"file": f"The table has {found.count:,} rows; a batch can have {MOST}. Bring it in parts."})
        rows = list(islice(reading.rows(path, found.layout), MOST + 1))
    if len(rows) > MOST:  # of a workbook, whose rows nobody had counted
        raise Invalid({"file": f"The table has more than {MOST} rows. Bring it in parts."})
    return found.columns, rows


def places(design, columns):
    """(key of a slot → its column, the column that names photos or None). Refuses with Invalid where a slot that is
    needed has no column."""
    at = {comparable(name): place for place, name in reversed(list(enumerate(columns)))}
    slots = designs.own(design["slots"])
    found = {}
    for slot in slots:
        place = at.get(comparable(slot["label"]), at.get(comparable(slot["key"])))
        if place is not None:
            found[slot["key"]] = place
        elif slot["required"]:
            wanted = ", ".join(f"“{one['label']}”" for one in slots)
            raise Invalid({"file": f"There is no column “{slot['label']}”. The first line has to name: {wanted}."})
    photo = designs.photo(design)
    column = next((at[name] for name in PHOTO_COLUMNS if name in at), None) if photo else None
    if photo and photo["required"] and column is None:
        raise Invalid({"file": "There is no column “Photo”, and this picture needs one."})
    return found, column


def judged(design, columns, rows, photos, keep):
    """[(words by slot, hash of its photo or None, what is wrong with it or None)] of each row, in their order; the
    photos of good ones go to `keep(hash, bytes)`. Refuses with Invalid what is wrong with the table as a whole."""
    where, column = places(design, columns)
    made: list[tuple] = []
    for _, cells in rows:
        cells = [*cells, *[""] * (len(columns) - len(cells))]
        words = {key: clean(cells[place])[: designs.LONGEST * 2] for key, place in where.items()}
        photo = clean(cells[column]).strip()[:200] if column is not None else ""
        try:
            made.append((words, _looked_at(design, words, photo, photos, keep), None))
        except Invalid as wrong:
            made.append((words, None, " ".join(wrong.fields.values())))
        except Refused as wrong:
            made.append((words, None, wrong.sentence))
    return made


def _looked_at(design, words, photo, photos, keep):
    """The hash of a good row's photo, or None. Refuses with Refused and Invalid, saying what is wrong."""
    plans.cleaned(design, words)
    plans.cropped(design, {} if photo else None)
    return photos.take(photo, keep) if photo else None

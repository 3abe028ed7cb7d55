"""A ZIP of whole tables brought into new ones: checked before anything is made, then filled by a job.

Nothing of a ZIP is trusted: its parts are those that leaving.py writes, of sizes that are bounded, with the hashes that
it says. A job that is cut off goes on where it stood; one that fails puts the tables away that it made.
"""

import hashlib
import io
import json
import logging
import re
import zipfile
from contextlib import closing
from copy import deepcopy
from datetime import datetime

from database import troubles
from database.clock import now
from database.statements import update_values
from database.transactions import GaveUp, WriterDown, writes
from domain import Invalid, Refused
from domain.base import audit, long_jobs, settings
from domain.fields.kinds import clean
from domain.fields.records import registry
from domain.fields.records.leftover import LeftOver
from domain.files import names, stores, zips
from domain.imports import imports, kept_files
from domain.lists import attachments
from domain.records import batches, collections, documents, field_changes, shapes
from domain.records.archives import leaving, pressed, worked_out
from models import Collection, Comment, Membership, Record, RecordOption, RecordSlot, StoredFile, User

log = logging.getLogger("guildhall.records")

JOB = "table_restore"
BATCH = 100
MOST_UNPACKED, MOST_RATIO = 4_000_000_000, 200
MOST_DIRECTORY = 15_000_000  # bytes of its list of parts: some 100,000 files
MOST_SHAPE, MOST_LINE = 5_000_000, 2_000_000  # bytes
_NAMES = re.compile(r"manifest\.json|tables/\d{1,12}/(shape\.json|(records|files|comments)\.jsonl)|files/[0-9a-f]{64}")
NUMBERS = ("choice", "choices", *leaving.PEOPLE, *leaving.LINKS, "autonumber")  # of what is found here, or given
_PARTS = ("records", "links", "files", "comments")


def _unfit(sentence):
    return Invalid({"file": sentence})


def take(stream, *, by):
    """Keep a ZIP, check all of it, and have its tables made. Returns the LongJob. Refuses with Invalid."""
    by.require("records.build")
    with kept_files.keeping(stream) as (sha256, _):
        try:
            total, called = _looked_at(kept_files.path(sha256))
        except Refused:
            raise
        except Exception as trouble:  # nobody can list what a ZIP and its JSON may go wrong with
            log.warning("a ZIP of tables was refused: %r", trouble)
            raise _unfit("This is no whole ZIP of tables: it is damaged, or something else.") from None
        return _begin(sha256, total, called, by)


def _looked_at(path):
    """(how many rows a ZIP has, the names of its tables), once all of it is checked."""
    if zips.directory(path) > MOST_DIRECTORY:
        raise _unfit("It holds more files than can be brought in at once: about 100,000.")
    with zipfile.ZipFile(path) as packed:
        manifest = _checked(packed)
        about = [_read_shape(packed, table["id"]) for table in manifest["tables"]]
        total = sum(int(table["rows"]) for table in manifest["tables"])
    if not 0 <= total < 2**31:  # what the column holds
        raise ValueError(total)
    return total, [clean(str(shape["name"])) for shape in about]


@writes
def _begin(sha256, total, called, by):
    about = {"organization": by.organization.id, "sha256": sha256, "names": called}
    job = long_jobs.begin(JOB, str(by.organization.id), by=by.user, total=total, **about)
    if job is None:
        raise Refused("A ZIP is being brought in already. Wait until it is over.")
    said = f"Brought in a ZIP of {', '.join(called)}"[:300]
    audit.record("records.restored", said, by=by.user, organization=by.organization)
    return job


def newest(by):
    """The ZIP that was brought in last here, or None."""
    return long_jobs.newest(JOB, str(by.organization.id))


def _checked(packed):
    """The manifest of a ZIP whose every part is what it says. Refuses with Invalid."""
    members = packed.infolist()
    if sum(one.file_size for one in members) > MOST_UNPACKED:
        raise _unfit(f"Unpacked it would be more than {MOST_UNPACKED // 1_000_000_000} GB.")
    for one in members:
        if not _NAMES.fullmatch(one.filename):
            raise _unfit(f"It holds “{clean(one.filename)[:60]}”, which no ZIP of tables does.")
        if one.compress_type not in zips.BOUNDED:
            raise _unfit("It is packed in a way that no ZIP of tables is.")
        if one.file_size > 1_000_000 and one.file_size > MOST_RATIO * max(one.compress_size, 1):
            raise _unfit("It unpacks to far more than it is, so it wasn't opened.")
    if len({one.filename for one in members}) != len(members):
        raise _unfit("It holds one name twice.")
    manifest = json.loads(_small(packed, "manifest.json"))
    if manifest["guildhall"] != leaving.FORMAT:
        raise _unfit("It was made by another version of Guildhall.")
    if not 1 <= len(manifest["tables"]) <= leaving.MOST_TABLES:
        raise _unfit(f"It has to have one to {leaving.MOST_TABLES} tables.")
    for one in members:
        if one.filename != "manifest.json":
            kept = one.filename.startswith("files/")
            wanted = one.filename[6:] if kept else manifest["sha256"][one.filename]
            if kept and one.file_size > attachments.MOST:
                raise attachments.TooLarge
            if _hash(packed, one) != wanted:
                raise _unfit(f"“{one.filename}” isn't what the ZIP says it is: it was changed, or it is damaged.")
    return manifest


def _hash(packed, member):
    hashed, size = hashlib.sha256(), 0
    with packed.open(member) as part:
        while piece := part.read(1 << 20):
            size += len(piece)
            if size > member.file_size:
                raise _unfit("It unpacks to more than it says, so it wasn't opened.")
            hashed.update(piece)
    return hashed.hexdigest()


def _small(packed, name):
    if packed.getinfo(name).file_size > MOST_SHAPE:
        raise _unfit(f"“{name}” is larger than any table's.")
    return packed.read(name)


def _read_shape(packed, id):
    """The shape of a table in a ZIP. Refuses with Invalid, KeyError or TypeError what is none."""
    shape = json.loads(_small(packed, f"tables/{int(id)}/shape.json"))
    if not 1 <= len(shape["fields"]) <= collections.FIELDS:
        raise _unfit(f"A table has one to {collections.FIELDS} fields.")
    for field in shape["fields"]:
        if field["kind"] not in registry.KINDS or len(field["words"]) > collections.OPTIONS:
            raise _unfit(f"“{clean(str(field['label']))[:60]}” is a field of a kind that isn't known here.")
    pressed.check(shape)
    return shape | {"id": int(id)}


def _lines(packed, id, part):
    """The lines of a part of a table, each as JSON."""
    with packed.open(f"tables/{int(id)}/{part}.jsonl") as lines:
        while line := lines.readline(MOST_LINE):
            yield json.loads(line)


# --- the job ------------------------------------------------------------------------------------------------------


def _give_up(job, sentence):
    _put_away(job, sentence)
    kept_files.drop(job.facts["sha256"])


@writes
def _put_away(job, sentence):
    """A table that is only half there is none: those that were made are put away."""
    long_jobs.finish(job, error=sentence)
    if made := list(job.facts.get("tables", {}).values()):
        Collection.update(archived_at=now()).where(Collection.id.in_(made)).execute()


@long_jobs.worker(JOB, gives_up=_give_up)
def work(job):
    """Bring in what was asked for."""
    by = leaving.by_of(job)
    try:
        with zipfile.ZipFile(kept_files.path(job.facts["sha256"])) as packed:
            _Restore(packed, job, by).go_on()
    except (Refused, long_jobs.TakenOver, WriterDown, GaveUp):
        raise
    except Exception as trouble:  # nobody can list what odd data may go wrong with
        if troubles.of(trouble):
            raise  # it isn't the ZIP's: the same may work later
        log.exception("a ZIP of tables couldn't be brought in")
        raise Refused("The ZIP can't be read any more.") from None
    kept_files.drop(job.facts["sha256"])


class _Restore:
    """One ZIP on its way into tables. What it was is known by the numbers that the ZIP has: facts of the job say of
    tables, fields and words which they became; of rows, `Record.import_id` does."""

    def __init__(self, packed, job, by):
        self.packed, self.job, self.by = packed, job, by
        self.people = {}

    def go_on(self):
        self._make_tables()
        for part in _PARTS:
            for old, id in self.job.facts["tables"].items():
                with closing(_lines(self.packed, old, "records" if part == "links" else part)) as lines:
                    self._fill(part, old, id, lines)
        self._finish()

    def _fill(self, part, old, id, lines):
        done, batch, count = self.job.facts["parts"].get(f"{part} {old}", 0), [], 0
        for line in lines:
            count += 1
            if count > done:
                batch.append(line)
            if len(batch) == BATCH:
                self._do(part, old, id, batch, count)
                batch = []
        if batch:
            self._do(part, old, id, batch, count)

    def _make_tables(self):
        """Table by table and field by field, each in a transaction: each takes the lock of its table first."""
        about = [_read_shape(self.packed, name.split("/")[1]) for name in self._names("shape.json")]
        for shape in about:
            if str(shape["id"]) not in self.job.facts.get("tables", {}):
                self._make_table(shape)
        wanted = [(shape, field) for shape in about for field in shape["fields"][1:]]
        computed = [one for one in wanted if one[1]["kind"] in registry.COMPUTED]
        for shape, field in [one for one in wanted if one not in computed]:
            if str(field["id"]) not in self.job.facts["fields"]:
                self._make_field(self.job.facts["tables"][str(shape["id"])], field)
        if computed:
            worked_out.make(computed, self.job, self._make_field, self.by)
            worked_out.put_in_order(about, self.job.facts["fields"])
        pressed.make(about, self.job, self._progress, self.by)

    @writes
    def _make_table(self, shape):
        facts = {"tables": {}, "fields": {}, "words": {}, "parts": {}} | deepcopy(self.job.facts)
        first = worked_out.typed(shape["fields"][0])
        kind = first["kind"] if first["kind"] not in leaving.LINKS else "text"
        words = [word["label"] for word in first["words"]]
        options = first["options"] if kind == first["kind"] else {}
        table = collections.make(shape["name"], by=self.by, fields=((first["label"], kind, words, options),))
        facts["tables"][str(shape["id"])] = table.id
        self._note_field(facts, first, collections.fields(table)[0])
        self._progress(0, facts)

    @writes
    def _make_field(self, table, field):
        facts, options = deepcopy(self.job.facts), dict(field["options"])
        words = [word["label"] for word in field["words"]]
        if field["kind"] in leaving.LINKS:
            options["table"] = facts["tables"][str(options["table"])]
        slug = collections.numbered(table).slug
        made = collections.add_field(slug, field["label"], field["kind"], by=self.by, choices=words, options=options)
        self._note_field(facts, field, made)
        self._progress(0, facts)

    def _progress(self, done, facts):
        long_jobs.progress(self.job, done, lasting=True, **facts)

    def _names(self, last):
        found = [one.filename for one in self.packed.infolist() if one.filename.endswith(f"/{last}")]
        return sorted(found, key=lambda name: int(name.split("/")[1]))

    def _note_field(self, facts, field, made):
        """Before it has rows: what programs call it and its words, and whether long lists are ordered by it."""
        facts["fields"][str(field["id"])] = made.id
        collections.name_for_programs(made, str(field.get("api_name") or field["label"]), bool(field.get("is_keyed")))
        options = RecordOption.select().where(RecordOption.field == made).order_by(RecordOption.place, RecordOption.id)
        new = {str(word["id"]): option.id for word, option in zip(field["words"], options, strict=True)}
        facts["words"] |= new
        names = collections.names_for_words([str(word.get("api_name") or word["label"]) for word in field["words"]])
        for word, name in zip(field["words"], names, strict=True):
            became = new.get(str(word["merged_into"]))
            about = {
                "api_name": name,
                "tone": str(word["tone"])[:20],
                "merged_into_id": became,
                "archived_at": now() if word["rests"] else None,
            }
            RecordOption.update(**about).where(RecordOption.id == new[str(word["id"])]).execute()

    @writes
    def _do(self, part, old, id, batch, count):
        parts = self.job.facts["parts"] | {f"{part} {old}": count}
        done = self.job.done + (len(batch) if part == "records" else 0)
        self._progress(done, {"parts": parts})
        getattr(self, f"_{part}")(collections.numbered(id), batch)

    def _records(self, table, batch):
        shape = shapes.read(Collection.get_by_id(table.id))
        worked = [batches.worked(shape, None, self._values(shape, line, is_linked=False)) for line in batch]
        ids = batches.write(shape, worked, self.by, now())
        told = []
        for id, line in zip(ids, batch, strict=True):
            at = Record.created_at.db_value(datetime.fromisoformat(line["made_at"]))
            told.append((int(line["id"]), at, self._person(line["by"]), id))
        update_values(Record, ("import_id", "created_at", "created_by"), told)
        for cell in shape.of_kind("autonumber"):
            numbers = [value for line in batch if (value := self._values(shape, line, False).get(cell.name))]
            most = max((one for one in numbers if isinstance(one, int)), default=0)
            RecordSlot.update(counted=most).where(RecordSlot.id == cell.slot, RecordSlot.counted < most).execute()

    def _values(self, shape, line, is_linked):
        """name → value of the cells of a line, of links or of all others."""
        values = {}
        for old, new in self.job.facts["fields"].items():
            cell = shape.by_name.get(f"f{new}")
            if (
                cell is None
                or cell.formula
                or cell.kind.holds_files
                or (cell.kind_name in leaving.LINKS) is not is_linked
            ):
                continue
            stored, words = line["cells"].get(old), line["left_over"].get(old)
            if stored is None:
                values[cell.name] = None if words is None else LeftOver(clean(str(words)))
            else:
                values[cell.name] = self._value(cell, stored)
        return values

    def _value(self, cell, stored):
        """A cell's value; what can't be read here stays as words."""
        said = stored
        if cell.kind_name in ("choice", "choices"):
            words = self.job.facts["words"]
            stored = [words[str(one)] for one in stored] if isinstance(stored, list) else words[str(stored)]
        elif cell.kind_name in leaving.PEOPLE:
            found = [self._person(one) for one in (stored if isinstance(stored, list) else [stored])]
            if None in found:
                return LeftOver(clean("; ".join(map(str, said if isinstance(said, list) else [said]))))
            stored = found if isinstance(stored, list) else found[0]
        try:
            value = cell.kind.restored(stored)
            if value is not None and cell.kind_name not in NUMBERS:
                value = cell.kind.from_json(cell.kind.to_json(value))
            cell.kind.plain(value)
        except (ValueError, TypeError, ArithmeticError, AttributeError):
            value = None
        return LeftOver(clean(json.dumps(said, ensure_ascii=False))) if value is None else value

    def _person(self, email):
        """The number of the member with this address, or None."""
        if email is not None and email not in self.people:
            found = User.select(User.id).join(Membership, on=(Membership.user == User.id))
            found = found.where(Membership.organization == self.by.organization, User.email == str(email)).first()
            self.people[email] = found and found.id
        return self.people.get(email)

    def _rows(self, olds, tables=None):
        """Number that a row had → its number now."""
        within, found = Record.collection.in_(tables or list(self.job.facts["tables"].values())), {}
        for some in imports.batches(olds, 1000):  # a statement takes so many values only
            rows = Record.select(Record.import_id, Record.id).where(within, Record.import_id.in_(some))
            found |= dict(rows.tuples())
        return found

    def _links(self, table, batch):
        shape = shapes.read(Collection.get_by_id(table.id))
        if not shape.of_kind(*leaving.LINKS):
            return
        rows = self._rows([int(line["id"]) for line in batch], [table.id])
        for line in batch:
            values = {name: value for name, value in self._values(shape, line, is_linked=True).items() if value}
            values = {name: self._linked(value, shape.by_name[name].kind.table) for name, value in values.items()}
            if values:
                record = Record.get_by_id(rows[int(line["id"])])
                before = json.loads(record.cells)
                values = {name: value or None for name, value in values.items()}
                after = documents.put(shape, before, values, record.id)
                Record.update(cells=documents.dumped(shape, after)).where(Record.id == record.id).execute()
                documents.place(shape, record.id, before, after)

    def _linked(self, value, table):
        if isinstance(value, LeftOver):
            return value
        new = self._rows(value, [table])
        return tuple(new[one] for one in value if one in new)

    def _files(self, table, batch):
        rows = self._rows([int(line["row_id"]) for line in batch], [table.id])
        for line in batch:
            if (row := rows.get(int(line["row_id"]))) is None:
                continue
            data = self.packed.read(f"files/{line['sha256']}")
            if attachments.used() + len(data) > settings.get("files_mb") * 1024**2:
                raise Refused(f"There is no room for its files: they may take {settings.get('files_mb'):,} MB here.")
            stores.active().put(attachments.key(self.by.organization.id, line["sha256"]), io.BytesIO(data))
            type = names.type_of(data[: names.HEAD])
            field = self.job.facts["fields"].get(str(line["field"]))
            made = StoredFile.create(
                slot=field,
                table=f"record:{table.id}",
                row_id=row,
                by=self.by.user,
                sha256=line["sha256"],
                size=len(data),
                type=type,
                name=names.cleaned(line["name"]),
                thumbnail="waiting" if type in attachments.thumbnails.TYPES else "none",
            )
            if field is not None:
                self._put_into_cell(shapes.read(Collection.get_by_id(table.id)), row, f"f{field}", made.id)

    def _put_into_cell(self, shape, id, name, file):
        record = Record.get_by_id(id)
        document = json.loads(record.cells)
        held = shape.by_name[name].value(document) or ()
        after = documents.put(shape, document, {name: (*held, file)}, id)
        Record.update(cells=documents.dumped(shape, after)).where(Record.id == id).execute()

    def _comments(self, table, batch):
        rows = self._rows([int(line["row_id"]) for line in batch], [table.id])
        for line in batch:
            text, mentions = clean(str(line["text"]))[:20_000], []
            for old, email in line["mentions"].items():
                if id := self._person(email):
                    text, mentions = text.replace(f"@{{{int(old)}}}", f"@{{{id}}}"), [*mentions, id]
            if row := rows.get(int(line["row_id"])):
                at = datetime.fromisoformat(line["at"])
                about = {"table": f"record:{table.id}", "row_id": row, "by": self._person(line["by"])}
                Comment.create(text=text, mentions=mentions, created_at=at, **about)

    def _finish(self):
        for old, id in self.job.facts["tables"].items():
            for field in _read_shape(self.packed, old)["fields"]:
                self._describe(collections.numbered(id), field)
                if field["is_required"] or field["is_unique"]:
                    given = {"is_required": bool(field["is_required"]), "is_unique": bool(field["is_unique"])}
                    new = self.job.facts["fields"][str(field["id"])]
                    field_changes.rule(collections.numbered(id).slug, new, by=self.by, **given)
        worked_out.begin(self.job.facts["tables"].values(), self.by)
        long_jobs.finish(self.job)

    def _describe(self, table, field):
        """Give a field its help and its beginning; one that can't be read here is left out."""
        new, stored = self.job.facts["fields"][str(field["id"])], field.get("begins")
        cell = shapes.read(table).by_name[f"f{new}"]
        value = None if stored is None else self._value(cell, stored)
        if cell.kind.pointing and value is not None:
            value = self._linked(value, cell.kind.table)
        begins = "" if value is None or isinstance(value, LeftOver) else cell.kind.for_all().text(value)
        help = clean(str(field.get("help") or ""))[:500]
        for text in dict.fromkeys((begins, "")) if help or begins else ():
            try:
                return field_changes.describe(table.slug, new, by=self.by, help=help, begins=text)
            except Invalid:
                continue
        return None

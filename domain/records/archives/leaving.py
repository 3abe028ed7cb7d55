"""Whole tables as one ZIP: shape, rows, links, files and comments, with a hash of each part. A job makes it.

What is in it: docs/records.md. A file whose content is missing makes it fail, and says which.
"""

import hashlib
import json
from functools import partial

from database.clock import now
from database.transactions import writes
from domain import Invalid, NotFound, Refused
from domain.base import audit, long_jobs
from domain.fields.person import emails
from domain.fields.records.leftover import plain_cell
from domain.files import made_files
from domain.lists import attachments
from domain.organizations import organizations
from domain.records import collections, shapes
from domain.records.archives import pressed
from models import Comment, Record, RecordOption, StoredFile

JOB = "table_export"
FORMAT = 1
BATCH = 500
MOST_TABLES = 50
LINKS, PEOPLE = ("link", "links"), ("person", "people")


@writes
def ask(slugs, *, by):
    """Have a ZIP made of tables. Refuses with Invalid, NotFound, or while one is being made."""
    by.require("records.build")
    tables = [collections.found(slug) for slug in dict.fromkeys(slugs)]
    if not tables or len(tables) > MOST_TABLES:
        raise Invalid({"tables": f"Choose one to {MOST_TABLES} tables."})
    total = sum(Record.select().where(Record.collection == t, Record.archived_at.is_null()).count() for t in tables)
    about = {"organization": by.organization.id, "tables": [table.id for table in tables], "key": made_files.new_key()}
    job = long_jobs.begin(JOB, str(by.organization.id), by=by.user, total=total, **about)
    if job is None:
        raise Refused("A ZIP of tables is being made already. Wait until it is there.")
    names = ", ".join(table.name for table in tables)
    audit.record("records.exported", f"Asked for a ZIP of {names}"[:300], by=by.user, organization=by.organization)
    return job


def newest(by):
    """The ZIP that was asked for last here, or None."""
    return long_jobs.newest(JOB, str(by.organization.id))


@long_jobs.worker(JOB, before=partial(made_files.drop_old, JOB))
def work(job):
    """Make the ZIP that was asked for."""
    by = by_of(job)
    with made_files.being_made(job) as out:
        _Archive(out, job, by).make()
    long_jobs.finish(job)


def by_of(job):
    """Whoever asked for a job, as a Member. Refuses with Forbidden, also where they may not any more."""
    by = organizations.who_asked(job)
    by.require("records.build")
    return by


class _Archive:
    """One ZIP in the making."""

    def __init__(self, out, job, by):
        self.out, self.job, self.by, self.done = out, job, by, 0
        self.tables, self.hashes, self.bytes = job.facts["tables"], {}, set()

    def make(self):
        about = [self._table(collections.numbered(id)) for id in self.tables]
        manifest = {"guildhall": FORMAT, "made_at": now().isoformat(), "tables": about, "sha256": self.hashes}
        self.out.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1))

    def _table(self, table):
        shape, at = shapes.read(table), f"tables/{table.id}"
        self._write(f"{at}/shape.json", [json.dumps(_shape(table, self.tables), ensure_ascii=False)])
        counts = {"rows": self._write(f"{at}/records.jsonl", self._rows(table, shape))}
        files = StoredFile.select().where(StoredFile.table == f"record:{table.id}", StoredFile.archived_at.is_null())
        files = list(files.order_by(StoredFile.id))
        for file in files:
            self._content(file)
        counts["files"] = self._write(f"{at}/files.jsonl", map(_about_file, files))
        said = Comment.select().where(Comment.table == f"record:{table.id}").order_by(Comment.id)
        counts["comments"] = self._write(f"{at}/comments.jsonl", self._comments(said))
        return {"id": table.id, "name": table.name} | counts

    def _write(self, name, lines):
        """Write lines; returns how many."""
        hashed, count = hashlib.sha256(), 0
        with self.out.open(name, "w", force_zip64=True) as out:
            for line in lines:
                data = line.encode() + b"\n"
                hashed.update(data)
                out.write(data)
                count += 1
        self.hashes[name] = hashed.hexdigest()
        return count

    def _rows(self, table, shape):
        after, live = 0, (Record.collection == table, Record.archived_at.is_null())
        while batch := list(Record.select().where(*live, Record.id > after).order_by(Record.id).limit(BATCH)):
            documents = [json.loads(row.cells) for row in batch]
            people = emails(_people(shape, documents) | {row.created_by_id for row in batch if row.created_by_id})
            for row, document in zip(batch, documents, strict=True):
                cells, left = _cells(shape, document, people, self.tables)
                about = {"id": row.id, "made_at": row.created_at.isoformat(), "by": people.get(row.created_by_id)}
                yield json.dumps(about | {"cells": cells, "left_over": left}, ensure_ascii=False)
            after, self.done = batch[-1].id, self.done + len(batch)
            long_jobs.progress(self.job, self.done)

    def _content(self, file):
        if file.sha256 in self.bytes:
            return
        self.bytes.add(file.sha256)
        try:
            parts, hashed = attachments.content(file), hashlib.sha256()
        except NotFound:
            raise Refused(f"The content of “{file.name}” is missing, so no ZIP was made: remove it first.") from None
        with self.out.open(f"files/{file.sha256}", "w", force_zip64=True) as out:
            for part in parts:
                hashed.update(part)
                out.write(part)
        if hashed.hexdigest() != file.sha256:
            raise Refused(f"The content of “{file.name}” is damaged, so no ZIP was made: remove it first.")

    def _comments(self, comments):
        for one in comments:
            people = emails({one.by_id, *one.mentions} - {None})
            mentions = {str(id): people[id] for id in one.mentions if id in people}
            about = {"row_id": one.row_id, "by": people.get(one.by_id), "at": one.created_at.isoformat()}
            yield json.dumps(about | {"text": one.text, "mentions": mentions}, ensure_ascii=False)


def _about_file(file):
    names = ("sha256", "size", "type", "name", "row_id")
    about = {name: getattr(file, name) for name in names}
    return json.dumps(about | {"field": file.slot}, ensure_ascii=False)


def _shape(table, tables):
    """A table's fields in their order, with the words of choices; links to tables outside are words."""
    fields = []
    for field in (one for one in collections.fields(table) if one.kind != "button"):
        options = RecordOption.select().where(RecordOption.field == field).order_by(RecordOption.place, RecordOption.id)
        words = [
            {
                "id": o.id,
                "label": o.label,
                "api_name": o.api_name,
                "tone": o.tone,
                "merged_into": o.merged_into_id,
                "rests": bool(o.archived_at),
            }
            for o in options
        ]
        about = {
            name: getattr(field, name) for name in ("id", "label", "api_name", "is_keyed", "kind", "options", "help")
        }
        about |= {"is_required": field.is_required, "is_unique": field.is_unique, "words": words}
        about["begins"] = (
            _by_address(field.begins, emails(_named(field.begins))) if field.kind in PEOPLE else field.begins
        )
        if field.kind in LINKS and field.options.get("table") not in tables:
            about |= {"kind": "long_text", "options": {}, "begins": None}
        fields.append(about)
    return {"name": table.name, "about": table.about, "fields": fields, "buttons": pressed.said(table)}


def _people(shape, documents):
    """The ids of the people that stand in cells."""
    found: set = set()
    for cell in shape.of_kind(*PEOPLE):
        for document in documents:
            found |= _named(document.get(f"s{cell.slot}"))
    return found


def _named(value):
    return {*value} if isinstance(value, list) else {value} - {None}


def _by_address(value, people):
    """The ids of people in a cell as their addresses."""
    if isinstance(value, list):
        return [people.get(one, f"#{one}") for one in value]
    return value and people.get(value, f"#{value}")


def _cells(shape, document, people, tables):
    """(field → what stands in its cell, field → words left over): ids of people as their addresses."""
    cells, left = {}, {}
    for cell in shape.cells:
        if cell.kind.holds_files:  # they are in files.jsonl
            continue
        value, words = document.get(f"s{cell.slot}"), document.get(f"~s{cell.slot}")
        if value is not None and cell.kind_name in PEOPLE:
            value = _by_address(value, people)
        if value is not None and cell.kind_name in LINKS and cell.kind.table not in tables:
            value = plain_cell(cell.kind.for_all(), cell.value(document))
        if value is not None:
            cells[str(cell.id)] = value
        if words is not None:
            left[str(cell.id)] = words
    return cells, left

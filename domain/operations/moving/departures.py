"""One organization as one file: its rows, its people as stubs, its history and its files, with a hash of each part.

A job makes it, table by table; what a kill cuts off goes on with the next table. What is in it: docs/operate.md.
"""

import hashlib
import json
import shutil
import tomllib
import zipfile
from pathlib import Path

from database.clock import now
from database.transactions import writes
from domain import NotFound, Refused
from domain.base import audit, long_jobs, stepup
from domain.files import made_files, stores
from domain.flyers import keeping
from domain.lists import attachments
from domain.operations.moving import installs, row_lines
from domain.organizations import organizations
from models import AuditEvent, Membership, Organization, Profile, StoredFile, User

JOB = "organization_export"
FORMAT = 1
ABOUT = ("name", "slug", "is_personal", "default_currency", "timezone", "own_tasks_only", "trash_days")
EVENT = ("at", "category", "action", "result", "actor_email", "target_type", "target_id", "summary", "metadata")


@writes
def ask(*, by):
    """Have the file made. An owner asks, after step-up L3. Refuses with Forbidden, or while one is being made."""
    by.require("organization.export")
    stepup.demand("organization.export", by.organization.id)
    total = sum(table.select().count() for table in row_lines.parents_last())
    about = {"organization": by.organization.id, "key": made_files.new_key(), "parts": {}}
    job = long_jobs.begin(JOB, str(by.organization.id), by=by.user, total=total, **about)
    if job is None:
        raise Refused("The file is being made already. Wait until it is there.")
    audit.record(
        "organization.exported", "Asked for all of it as a file", by=by.user, organization=by.organization, rows=total
    )
    return job


def newest(by):
    """The file that was asked for last here, or None."""
    return long_jobs.newest(JOB, str(by.organization.id))


def _drop_old():
    for old in made_files.drop_old(JOB):
        shutil.rmtree(_parts(old), ignore_errors=True)


def _finish(job, sentence=None):
    long_jobs.finish(job, error=sentence)
    shutil.rmtree(_parts(job), ignore_errors=True)


@long_jobs.worker(JOB, before=_drop_old, gives_up=_finish)
def work(job):
    """Make the file that was asked for."""
    organizations.who_asked(job).require("organization.export")
    _Departure(job, Organization.get_by_id(job.facts["organization"])).make()
    _finish(job)


def _parts(job):
    return made_files.place(job, ".parts")


class _Departure:
    """One file in the making. Each of its parts is whole in a folder before the job says that it is done."""

    def __init__(self, job, organization):
        self.job, self.organization, self.onward = job, organization, long_jobs.telling(job)
        self.parts = _parts(job)
        self.parts.mkdir(parents=True, exist_ok=True)

    def make(self):
        for table in row_lines.parents_last():
            if row_lines.name_of(table) not in self.job.facts["parts"]:
                self._write_table(table)
        told = {
            "people.jsonl": list(_people(self.organization, self._named())),
            "audit.jsonl": list(_events(self.organization)),
            "organization.json": [json.dumps({name: getattr(self.organization, name) for name in ABOUT})],
        }
        half = self.parts / "whole.zip"
        with zipfile.ZipFile(half, "w", zipfile.ZIP_DEFLATED) as out:
            hashes = self._pack(out, told)
            counts = {name: part["rows"] for name, part in self.job.facts["parts"].items()}
            manifest = _manifest(self.organization) | {"counts": counts, "sha256": hashes}
            out.writestr("manifest.json", json.dumps(manifest, indent=1))
        half.replace(made_files.place(self.job))

    def _write_table(self, table):
        name, count, people = row_lines.name_of(table), 0, set()
        who = row_lines.people_in(table)
        with stores.whole(self.parts / f"{name}.jsonl") as out:
            for rows in row_lines.batches(table):
                for row in rows:
                    out.write(row_lines.written(row).encode() + b"\n")
                    people |= {row.__data__[field] for field in who}
                count += len(rows)
                self.onward(self.job.done + count)
        parts = self.job.facts["parts"] | {name: {"rows": count, "people": sorted(people - {None})}}
        long_jobs.progress(self.job, self.job.done + count, lasting=True, parts=parts)

    def _named(self):
        return {id for part in self.job.facts["parts"].values() for id in part["people"]}

    def _pack(self, out, told):
        """Put all parts into the file; returns name → hash."""
        hashes = {}
        for name in self.job.facts["parts"]:
            with open(self.parts / f"{name}.jsonl", "rb") as part:
                hashes[f"rows/{name}.jsonl"] = _put(out, f"rows/{name}.jsonl", iter(lambda: part.read(1 << 20), b""))
        for name, lines in told.items():
            hashes[name] = _put(out, name, (f"{line}\n".encode() for line in lines))
        kept = StoredFile.select(StoredFile.sha256, StoredFile.name, StoredFile.organization).order_by(StoredFile.id)
        for file in kept:
            if (entry := f"files/{file.sha256}") not in hashes:
                hashes[entry] = _put(out, entry, _content(file))
                if hashes[entry] != file.sha256:
                    raise Refused(f"The content of “{file.name}” is damaged, so no file was made: remove it first.")
                self.onward(self.job.done)
        for sha256 in keeping.picture_hashes():
            content = keeping.picture(self.organization.id, sha256)
            if content is not None and (entry := f"files/{sha256}") not in hashes:
                hashes[entry] = _put(out, entry, [content])
        return hashes


def _put(out, name, parts):
    hashed = hashlib.sha256()
    with out.open(name, "w", force_zip64=True) as entry:
        for part in parts:
            hashed.update(part)
            entry.write(part)
    return hashed.hexdigest()


def _content(file):
    try:
        return attachments.content(file)
    except NotFound:
        raise Refused(f"The content of “{file.name}” is missing, so no file was made: remove it first.") from None


def _manifest(organization):
    version = tomllib.loads((Path(__file__).resolve().parents[3] / "pyproject.toml").read_text("utf-8"))
    return {
        "guildhall": FORMAT,
        "version": version["project"]["version"],
        "migration": installs.migration(),
        "install": installs.own_id(),
        "made_at": now().isoformat(),
        "organization": organization.id,
        "slug": organization.slug,
    }


def _people(organization, named):
    """Members with their roles, and whoever else its rows name: names and addresses, and nothing that opens."""
    roles = {one.user_id: one.role for one in Membership.select().where(Membership.organization == organization)}
    wanted = sorted(named | set(roles))
    for start in range(0, len(wanted), row_lines.BATCH):
        some = wanted[start : start + row_lines.BATCH]
        found = User.select(User, Profile).join(Profile, on=(Profile.user == User.id), attr="_profile")
        for person in found.where(User.id.in_(some)).order_by(User.id):
            about = {"id": person.id, "name": person.profile.full_name, "email": person.email}
            about |= {"timezone": person.timezone, "role": roles.get(person.id), "status": person.status}
            yield json.dumps(about, ensure_ascii=False)


def _events(organization):
    """Its part of the audit log, to be read: the log of another site is sealed by itself."""
    theirs = AuditEvent.select().where(AuditEvent.organization == organization).order_by(AuditEvent.id)
    for event in theirs.iterator():
        about = {name: getattr(event, name) for name in EVENT}
        yield json.dumps(about | {"at": event.at.isoformat()}, ensure_ascii=False)

"""The file of an organization, brought into this site: looked at first, then done by a job in pieces.

All rows get numbers of this site; which they had is kept (Arrival), so that what came once doesn't come again and a
kill loses nothing. Who may be here is this site's to say: plans, credits and grants don't travel, people are invited.
"""

import hashlib
import io
import json
import logging
import secrets
import shutil
from collections.abc import Callable
from contextlib import suppress

from peewee import DataError, ForeignKeyField, IntegrityError

from database.clock import now
from database.locks import lock
from database.scope import inside
from database.statements import insert_values, new_ids, update_values
from database.transactions import wake, writes
from domain import Invalid, Refused
from domain.base import audit, long_jobs
from domain.entitlements import credits
from domain.events import holds
from domain.fields.email import normalized
from domain.files import gate, names, stores, thumbnails
from domain.flyers import keeping
from domain.imports import kept_files
from domain.lists import attachments
from domain.operations import purges
from domain.operations.moving import addresses, carried, findings, packages, references, row_lines
from domain.organizations import invitations, logos, organizations
from domain.records import documents, shapes
from domain.records.archives import worked_out
from models import (
    Admin,
    Arrival,
    Collection,
    EventSlug,
    FlyerPicture,
    Membership,
    Organization,
    Profile,
    Record,
    RecordField,
    RecordSlot,
    StoredFile,
    TicketOrder,
    User,
)

log = logging.getLogger("guildhall.moving")

JOB = "organization_import"
BATCH = 500
FILES = 10  # at a time
HALF = "-half-"  # how the address of one begins that was given up, until it is gone: nobody can choose such a one
UNFIT = "A row in it isn't one that a Guildhall has, so all that came of it is removed again."


# --- asking for it ------------------------------------------------------------------------------------------------


def begin(path, *, by, slug="", is_new=False):
    """Have a file brought in, which `by` (a user) owns then; returns the LongJob. `is_new`: on an install without
    accounts, where its people become accounts without a password and its owner the admin (then `by` is None).
    Refuses with Invalid, with all that stands in its way."""
    told = findings.look(path, slug)
    if is_new and User.select(User.id).first():
        raise Refused("There are accounts here already. Bring it in as one of them.")
    if told["findings"]:
        raise Invalid({"file": " ".join(told["findings"])})
    return kept(path, lambda sha256: start(told, sha256, by, is_new))


def kept(path, ask):
    """What `ask(sha256)` returns of a copy of the file, which goes again where that refuses."""
    sha256 = keep_copy(path)
    try:
        return ask(sha256)
    except Refused:
        kept_files.drop(sha256)
        raise


def keep_copy(path):
    """A copy of the file, for as long as the job needs it; returns its SHA-256."""
    kept_files.folder().mkdir(parents=True, exist_ok=True)
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        with stores.whole(kept_files.path(sha256)) as out:
            shutil.copyfileobj(file, out)
    return sha256


@writes
def start(told, sha256, by, is_new):
    """Ask for what was looked at, in the present transaction; returns the LongJob. Refuses while one is under way."""
    names = ("name", "slug", "source", "organization")
    about = {name: told[name] for name in names} | {"sha256": sha256, "is_new": is_new, "parts": {}}
    job = long_jobs.begin(JOB, by=by, total=told["rows"], **about)
    if job is None:
        raise Refused("A file is being brought in already. Wait until it is over.")
    return job


def newest(limit=20):
    """The files that were brought in last, the newest first."""
    return long_jobs.runs(JOB, limit)


def is_due():
    """Whether a file is to be brought in, or let go of."""
    return any(job.is_open or not job.facts.get("is_cleared") for job in newest())


def work():
    """Bring in what was asked for; returns 1, or 0 when nothing was. What can't come is given up, and all that came of
    it goes again."""
    _clear()
    done = _bring_in()
    _clear()
    return done


@long_jobs.worker(JOB, waits=(stores.StoreDown, OSError), place=lambda job: None)
def _bring_in(job):
    try:
        packed, manifest = packages.opened(kept_files.path(job.facts["sha256"]))
        with packed:
            _Arriving(job, packed, manifest).go_on()
    except OSError:  # no room on the disk, say
        raise
    except (IntegrityError, DataError, *packages.DAMAGED):
        log.exception("an organization's file couldn't be brought in", extra={"job": job.id})
        raise Refused(UNFIT) from None


def _clear():
    """After what is over: its copy of the file goes, and what came of one that failed, however it did."""
    for job in newest():
        if job.is_open or job.facts.get("is_cleared"):
            continue
        if job.status == "failed" and (made := job.facts.get("made")):
            _forget_arrivals(made)
            _give_up(job, made)
        if kept_files.path(job.facts["sha256"]).exists():
            kept_files.drop(job.facts["sha256"])


@writes
def _give_up(job, made):
    """Its address is free at once; its rows are the purge's."""
    facts = job.facts | {"is_cleared": True}
    half = Organization.id == made, Organization.id.in_(Organization.arriving())
    gone = {"slug": f"{HALF}{made}", "suspended_reason": "It couldn't be brought in: what came of it is removed."}
    if Organization.update(gone).where(*half).execute():
        about = {"source": facts["source"], "organization_there": facts["organization"]}
        purges.begin(made, is_whole=True, **about)
    long_jobs.note(job, facts)


def _forget_arrivals(organization):
    """Nothing came, of an organization that is gone: in batches."""
    with inside(organization):
        while ids := [id for (id,) in Arrival.select(Arrival.id).limit(5 * BATCH).tuples()]:
            writes(Arrival.delete().where(Arrival.id.in_(ids)).execute)()


class _Arriving:
    """One file on its way in. Its organization is closed to all until all of it is there."""

    def __init__(self, job, packed, manifest):
        self.job, self.packed, self.source = job, packed, manifest["install"]
        self.people = packages.people(packed)
        self.looked_at = {}  # hash of a file → its bytes, its type

    def go_on(self):
        if "made" not in self.job.facts:
            self._make_organization()
        self.organization = Organization.get_by_id(self.job.facts["made"])
        with inside(self.organization):
            self.users = self._users()
            self.numbers = references.Numbers(self._arrived(), self.users, self._names(), self._kinds())
            for table in carried.tables():
                self._each("rows", table, self._insert)
            for table in references.SOFT:
                if row_lines.name_of(table) not in carried.LEFT:
                    self._each("references", table, self._refer)
            self._each("keys", Record, self._place)
            self._each("files", StoredFile, self._note_files, self._keep, FILES)
            self._each("files", FlyerPicture, self._note_pictures, self._keep_pictures, FILES)
            self._each("holds", TicketOrder, self._end_hold)
            self._finish()

    # --- who ---

    def _make_organization(self):
        """As `_make`, once what came of it before and was deleted since is forgotten."""
        there = self.source, self.job.facts["organization"]
        if (before := findings.arrival_of(*there)) and not findings.standing(*there):
            _forget_arrivals(before.row_id)
        self._make()

    @writes
    def _make(self):
        """The organization itself, and on an empty install the accounts of its people."""
        told, job = packages.about(self.packed), self.job
        if findings.standing(self.source, job.facts["organization"]):
            raise Refused("It came here already.")
        users = self._make_accounts() if job.facts["is_new"] else {}
        owner = next(
            (users[p["id"]] for p in self.people if p["role"] == "owner" and p["id"] in users), job.asked_by_id
        )
        if owner is None:
            raise Refused("It names no owner whose account could be made.")
        lock("slugs")
        if Organization.select().where(Organization.slug == job.facts["slug"]).exists():
            raise Refused(f"The address /{job.facts['slug']} is taken here.")
        made = Organization.create(
            name=told["name"],
            slug=job.facts["slug"],
            owner=owner,
            status="suspended",
            suspended_reason="It is being brought in from another site.",
            default_currency=told["default_currency"],
            timezone=told["timezone"],
            own_tasks_only=told["own_tasks_only"],
            trash_days=told["trash_days"],
        )
        if job.facts["is_new"]:
            for person in self.people:
                if person["role"]:
                    Membership.create(organization=made, user=users[person["id"]], role=person["role"])
        else:
            Membership.create(organization=made, user=owner, role="owner")
        credits.open_account(made)
        with inside(made):
            Arrival.create(
                source=self.source, table="organization", source_id=job.facts["organization"], row_id=made.id
            )
        self._note(0, {"made": made.id, "users": {str(old): new for old, new in users.items()}})

    def _make_accounts(self):
        """Everybody who was a member, without a way in but a letter to their address; others are names alone."""
        found = {}
        for person in self.people:
            is_member = bool(person["role"]) and person["status"] == "active"
            user = User.create(email="", email_norm=secrets.token_hex(8), timezone=person["timezone"])
            email = person["email"] if is_member else f"deleted-{user.id}@deleted.invalid"
            status = "active" if is_member else "deleted"
            User.update(email=email, email_norm=normalized(email), status=status).where(User.id == user.id).execute()
            Profile.create(user=user, full_name=person["name"])
            if is_member:
                user = User.get_by_id(user.id)
                credits.open_account(organizations.create_personal(user, person["name"]))
                if person["role"] == "owner" and not Admin.select().exists():
                    Admin.create(email=email, email_norm=normalized(email))
            found[person["id"]] = user.id
        return found

    def _users(self):
        """Number there → number here, of people who have proven that the address is theirs."""
        if self.job.facts["is_new"]:
            return {int(old): new for old, new in self.job.facts["users"].items()}
        here = {}
        for some in (self.people[n : n + BATCH] for n in range(0, len(self.people), BATCH)):
            proven = User.select(User.email_norm, User.id).where(
                User.email_norm.in_([normalized(person["email"]) for person in some]),
                User.email_verified_at.is_null(False),
                User.status == "active",
            )
            here |= dict(proven.tuples())
        return {p["id"]: id for p in self.people if (id := here.get(normalized(p["email"])))}

    def _names(self):
        return {person["id"]: person["name"] or person["email"] for person in self.people}

    def _kinds(self):
        found = {}
        for table in (RecordSlot, RecordField):
            for some in packages.rows(self.packed, table, BATCH):
                found |= {(row_lines.name_of(table), row["id"]): row["kind"] for row in some}
        return found

    def _arrived(self):
        rows = Arrival.select(Arrival.table, Arrival.source_id, Arrival.row_id).where(Arrival.source == self.source)
        return {(table, old): new for table, old, new in rows.tuples()}

    # --- what ---

    def _each(self, part, table, do: Callable, before: Callable = lambda some: None, size=0):
        """Do the rows of a table, from the one after the last that was done; what is `before` them outside of any
        transaction."""
        name = f"{part} {row_lines.name_of(table)}"
        done = self.job.facts["parts"].get(name, 0)
        for some in packages.rows(self.packed, table, size or BATCH, done):
            done += len(some)
            before(some)
            self._piece(table, some, do, name, done, len(some) if part == "rows" else 0)

    @writes
    def _piece(self, table, some, do, name, done, count):
        self._note(count, {"parts": self.job.facts["parts"] | {name: done}})
        do(table, some)

    def _note(self, count, facts):
        long_jobs.progress(self.job, self.job.done + count, lasting=True, **facts)

    def _insert(self, table, some):
        fields, name = table._meta.fields, row_lines.name_of(table)
        some = addresses.settled(self.packed, some, self.numbers) if table is EventSlug else some
        names = tuple(one for one in fields if one != "organization")
        self.numbers.rows |= {(name, row["id"]): id for row, id in zip(some, new_ids(table, len(some)), strict=True)}
        given, arrived, stamp = [], [], Arrival.created_at.db_value(now())
        for row in some:  # a row may refer to one of its own table
            if (values := self._values(table, row)) is None:
                del self.numbers.rows[name, row["id"]]
                continue
            values["id"] = self.numbers.rows[name, row["id"]]
            given.append(tuple(row_lines.stored(fields[one], values[one]) for one in names))
            arrived.append((stamp, stamp, self.source, name, row["id"], values["id"]))
        insert_values(table, names, given)
        insert_values(Arrival, ARRIVED, arrived)

    def _values(self, table, row):
        """A row with the numbers that those have here to which it must refer; None where one of them isn't here."""
        values = dict(row)
        for field in table._meta.sorted_fields:
            if not isinstance(field, ForeignKeyField) or field.name == "organization" or values[field.name] is None:
                continue
            if field.rel_model is User:
                new = self.users.get(values[field.name])
                if new is None and not field.null and row_lines.name_of(table) in OWNERS_INSTEAD:
                    new = self.organization.owner.id
            else:
                new = self.numbers.row(row_lines.name_of(field.rel_model), values[field.name])
            if new is None and not field.null:
                return None
            values[field.name] = new
        return carried.as_history(table, values)

    def _refer(self, table, some):
        told = []
        for row in some:
            new = self.numbers.row(row_lines.name_of(table), row["id"])
            if new is not None and (changed := references.SOFT[table](self.numbers, row)):
                told.append((changed, new))
        by_names: dict = {}
        for changed, id in told:
            values = tuple(row_lines.stored(table._meta.fields[name], value) for name, value in changed.items())
            by_names.setdefault(tuple(changed), []).append((*values, id))
        for fields, given in by_names.items():
            update_values(table, fields, given)

    def _place(self, _, some):
        """What stands beside the rows of people's tables, so that they are found."""
        ids = [new for row in some if (new := self.numbers.row("record", row["id"])) is not None]
        for record in Record.select().where(Record.id.in_(ids), Record.archived_at.is_null()).order_by(Record.id):
            shape = shapes.read(Collection.get_by_id(record.collection_id))
            try:
                documents.place(shape, record.id, None, json.loads(record.cells))
            except Invalid:  # another row has it: no number of it is unique any more, and the cell stays
                continue

    def _end_hold(self, _, some):
        """Nobody buys here what was being bought there: it is free again."""
        for row in some:
            if row["state"] in TicketOrder.LIVE and (new := self.numbers.row("ticket_order", row["id"])):
                try:
                    writes(holds.end)(new, "expired", "release")
                except IntegrityError:  # it was sold while the file was made, and what is held was read later
                    ended = TicketOrder.update(state="expired", ended_at=now())
                    ended.where(TicketOrder.id == new).execute()

    def _keep(self, some):
        """The bytes of files, before it is noted that they are there: a kill leaves none that no row knows."""
        for row in some:
            content = self.packed.read(f"files/{row['sha256']}")
            self.looked_at[row["sha256"]] = len(content), names.type_of(content[: names.HEAD])
            key = attachments.key(self.organization.id, row["sha256"])
            if stores.active().changed_at(key) is None:
                stores.active().put(key, io.BytesIO(content))

    def _note_files(self, _, some):
        """What their bytes are, whatever the file says; and the small pictures can be drawn."""
        for row in some:
            size, type = self.looked_at.pop(row["sha256"], (None, None))
            if size is None:  # the same bytes twice
                continue
            drawn = "waiting" if type in thumbnails.TYPES else "none"
            same = StoredFile.sha256 == row["sha256"]
            StoredFile.update(size=size, type=type, thumbnail=drawn).where(same).execute()
        wake("thumbnails")

    def _keep_pictures(self, some):
        """The same of pictures of templates. One that is missing, or is none, is put there anew by whoever needs it."""
        for row in some:
            with suppress(KeyError, gate.NoPhoto):
                content = self.packed.read(f"files/{row['sha256']}")
                self.looked_at[row["sha256"]] = keeping.bring_picture(self.organization.id, row["sha256"], content)

    def _note_pictures(self, _, some):
        for row in some:
            facts, this = self.looked_at.pop(row["sha256"], None), FlyerPicture.sha256 == row["sha256"]
            (FlyerPicture.update(facts) if facts else FlyerPicture.delete()).where(this).execute()

    @writes
    def _finish(self):
        mine = Organization.id == self.organization.id, Organization.status == "suspended"
        values = {"status": "active", "suspended_reason": None, "logo": logos.sha256()}
        Organization.update(values).where(*mine).execute()
        name, owner = self.organization.name, self.organization.owner
        tables = [id for (id,) in Collection.select(Collection.id).tuples()]
        worked_out.begin(tables, organizations.reach(owner, self.organization.slug))
        audit.record(
            "organization.imported",
            f"{name} was brought in from another site",
            by=owner,
            organization=self.organization,
            source=self.source,
            rows=self.job.total,
        )
        long_jobs.finish(self.job, uninvited=self._invite(owner))

    def _invite(self, owner):
        """Whoever was a member is invited; returns the addresses that couldn't be, with the reason."""
        left: list = []
        if self.job.facts["is_new"]:
            return left
        by = organizations.reach(owner, self.organization.slug)
        for person in self.people:
            if not person["role"] or person["status"] != "active" or normalized(person["email"]) == owner.email_norm:
                continue
            try:
                role = "admin" if person["role"] == "owner" else person["role"]
                invitations.invite(person["email"], role, by=by)
            except Refused as refusal:
                left.append([person["email"], refusal.sentence])
        return left


ARRIVED = ("created_at", "updated_at", "source", "table", "source_id", "row_id")
# Where somebody must be named and isn't here, it is whoever owns it now.
OWNERS_INSTEAD = {"task", "device"}

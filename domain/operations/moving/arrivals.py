"""The file of an organization, brought into this site: looked at first, then done by a job in pieces.

All rows get numbers of this site; which they had is kept (Arrival), so that what came once doesn't come again and a
kill loses nothing. Who may be here is this site's to say: plans, credits and grants don't travel, people are invited.
"""

import hashlib
import io
import json
import secrets
import shutil
from collections.abc import Callable

from peewee import ForeignKeyField

from database.clock import now
from database.locks import lock
from database.scope import everywhere, inside
from database.statements import insert_values, new_ids, update_values
from database.transactions import writes
from domain import Invalid, Refused
from domain.base import audit, long_jobs
from domain.entitlements import credits
from domain.fields.email import normalized
from domain.files import stores
from domain.imports import kept_files
from domain.lists import attachments
from domain.operations.moving import packages, references, row_lines
from domain.organizations import invitations, organizations
from domain.records import documents, shapes
from domain.records.archives import worked_out
from models import (
    OWNED,
    Admin,
    Arrival,
    Collection,
    Device,
    Membership,
    Organization,
    OrganizationKey,
    PaymentAttempt,
    Profile,
    Record,
    RecordField,
    RecordSlot,
    StoredFile,
    Subscription,
    User,
)

JOB = "organization_import"
BATCH = 500
# What stays in the file, and why.
LEFT = {
    **dict.fromkeys(("invitation", "invitation_link", "ownership_transfer"), "offers hold where they were made"),
    **dict.fromkeys(("billing_checkout", "billing_grant", "licence"), "what a plan gives is this site's to say"),
    **dict.fromkeys(("credit_account", "credit_bucket", "credit_hold", "credit_entry"), "so are credits"),
    **dict.fromkeys(("payment_account", "api_key", "api_answer"), "keys don't travel"),
    **dict.fromkeys(("import_file", "import_row"), "the files that were brought in aren't kept so long"),
    **dict.fromkeys(("record_key", "record_unique", "record_link"), "they are made anew from the rows"),
    "record_stale": "what formulas give is worked out anew once all is there",
    "shape_change": "a change of shape is taken back where it was made",
    **dict.fromkeys(
        ("flyer_picture", "flyer_template", "flyer_version", "flyer_campaign", "flyer_phase", "flyer_via", "flyer"),
        "the pictures of flyers don't travel yet",
    ),
    **dict.fromkeys(("referral", "flyer_batch", "flyer_batch_row"), "they are of flyers"),
    **dict.fromkeys(("moderation_item", "moderation_report"), "what was reported is this site's to judge"),
    **dict.fromkeys(("automation", "automation_version", "automation_run"), "what is done by itself is set up anew"),
    **dict.fromkeys(("webhook_endpoint", "webhook_delivery"), "and so is who is told"),
    "arrival": "what came from where is each site's own",
}


def carried():
    """The tables whose rows come along, each after those that it refers to."""
    return [table for table in OWNED if row_lines.name_of(table) not in LEFT]


# --- what is looked at first --------------------------------------------------------------------------------------


def look(path, slug=""):
    """What a file would bring: {name, slug, rows, people, findings, source, organization}. `findings` are sentences
    for what stands in its way. Refuses with Invalid what is no such file."""
    packed, manifest = packages.opened(path)
    with packed:
        told, people = packages.about(packed), packages.people(packed)
        wanted = organizations.slugged(slug or told["slug"])
        found = []
        if here := _here(manifest):
            found.append(f"It is here already, as {here.name}.")
        elif Organization.select().where(Organization.slug == wanted).exists():
            found.append(f"The address /{wanted} is taken here. Choose another one.")
        if not here:
            found += _taken(packed)
    return {
        "name": told["name"],
        "slug": wanted,
        "rows": sum(manifest["counts"].get(row_lines.name_of(table), 0) for table in carried()),
        "people": [person for person in people if person["role"]],
        "findings": found,
        "source": str(manifest["install"])[:40],
        "organization": int(manifest["organization"]),
    }


def _here(manifest):
    with everywhere("what came from another site may be anybody's"):
        row = Arrival.one(
            Arrival.source == str(manifest["install"])[:40],
            Arrival.table == "organization",
            Arrival.source_id == int(manifest["organization"]),
        )
    return row and Organization.get_by_id(row.row_id)


def _taken(packed):
    """What may be only once on a site, and is here already."""
    found = []
    with everywhere("what may be only once may be any organization's"):
        for table in carried():
            for field in _singular(table):
                for some in packages.rows(packed, table, BATCH):
                    values = [row[field.name] for row in some if row[field.name] is not None]
                    if count := table.select().where(field.in_(values)).count():
                        found.append(f"{count} of {row_lines.name_of(table)} are here already, by {field.name}.")
                        break
    return found


def _singular(table):
    """The fields of which no two rows of a site may have the same, whosever they are."""
    meta, hidden = table._meta, row_lines.SECRETS
    told = [index for index in meta.indexes if isinstance(index, tuple)]
    several = [[meta.fields[name] for name in names] for names, is_unique in told if is_unique]
    alone = [[field] for field in meta.sorted_fields if field.unique and not field.primary_key]
    return [
        fields[-1]
        for fields in several + alone
        if not any(isinstance(field, ForeignKeyField) for field in fields)
        and (row_lines.name_of(table), fields[-1].name) not in hidden
    ]


# --- asking for it ------------------------------------------------------------------------------------------------


def begin(path, *, by, slug="", is_new=False):
    """Have a file brought in, which `by` (a user) owns then; returns the LongJob. `is_new`: on an install without
    accounts, where its people become accounts without a password and its owner the admin (then `by` is None).
    Refuses with Invalid, with all that stands in its way."""
    told = look(path, slug)
    if is_new and User.select(User.id).first():
        raise Refused("There are accounts here already. Bring it in as one of them.")
    if told["findings"]:
        raise Invalid({"file": " ".join(told["findings"])})
    return start(told, keep_copy(path), by, is_new)


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


def work():
    """Bring in what was asked for; returns 1, or 0 when nothing was."""
    job = long_jobs.claim(JOB)
    if job is None:
        return 0
    try:
        packed, manifest = packages.opened(kept_files.path(job.facts["sha256"]))
        with packed:
            _Arriving(job, packed, manifest).go_on()
    except Refused as refusal:
        _give_up(job, refusal.sentence)
    kept_files.drop(job.facts["sha256"])
    return 1


@writes
def _give_up(job, sentence):
    if long_jobs.finish(job, error=sentence) and (made := job.facts.get("made")):
        Organization.update(status="deleted", deleted_at=now()).where(Organization.id == made).execute()


class _Arriving:
    """One file on its way in. Its organization is closed to all until all of it is there."""

    def __init__(self, job, packed, manifest):
        self.job, self.packed, self.source = job, packed, str(manifest["install"])[:40]
        self.people = packages.people(packed)
        self.kinds = {}

    def go_on(self):
        if "made" not in self.job.facts:
            self._make_organization()
        self.organization = Organization.get_by_id(self.job.facts["made"])
        with inside(self.organization):
            self.users = self._users()
            self.numbers = references.Numbers(self._arrived(), self.users, self._names(), self._kinds())
            for table in carried():
                self._each("rows", table, self._insert)
            for table in references.SOFT:
                if row_lines.name_of(table) not in LEFT:
                    self._each("references", table, self._refer)
            self._each("keys", Record, self._place)
            self._each("files", StoredFile, self._keep)
            self._finish()

    # --- who ---

    @writes
    def _make_organization(self):
        """The organization itself, and on an empty install the accounts of its people."""
        told, job = packages.about(self.packed), self.job
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

    def _each(self, part, table, do: Callable):
        """Do the rows of a table, from the one after the last that was done."""
        name = f"{part} {row_lines.name_of(table)}"
        done = self.job.facts["parts"].get(name, 0)
        for some in packages.rows(self.packed, table, BATCH, done):
            done += len(some)
            self._piece(table, some, do, name, done, len(some) if part == "rows" else 0)

    @writes
    def _piece(self, table, some, do, name, done, count):
        self._note(count, {"parts": self.job.facts["parts"] | {name: done}})
        do(table, some)

    def _note(self, count, facts):
        if not long_jobs.progress(self.job, self.job.done + count, lasting=True, **facts):
            raise Refused("Somebody else goes on with it.")

    def _insert(self, table, some):
        fields, name = table._meta.fields, row_lines.name_of(table)
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
        return AS_HISTORY.get(table, lambda same: same)(values)

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
        for names, given in by_names.items():
            update_values(table, names, given)

    def _place(self, _, some):
        """What stands beside the rows of people's tables, so that they are found."""
        ids = [new for row in some if (new := self.numbers.row("record", row["id"])) is not None]
        for record in Record.select().where(Record.id.in_(ids), Record.archived_at.is_null()).order_by(Record.id):
            shape = shapes.read(Collection.get_by_id(record.collection_id))
            try:
                documents.place(shape, record.id, None, json.loads(record.cells))
            except Invalid:  # another row has it: no number of it is unique any more, and the cell stays
                continue

    def _keep(self, _, some):
        for row in some:
            key = attachments.key(self.organization.id, row["sha256"])
            if stores.active().changed_at(key) is None:
                stores.active().put(key, io.BytesIO(self.packed.read(f"files/{row['sha256']}")))

    @writes
    def _finish(self):
        Organization.update(status="active", suspended_reason=None).where(
            Organization.id == self.organization.id
        ).execute()
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


def _subscription(values):
    """What was paid is history: nothing of it runs here."""
    if values["status"] not in Subscription.TERMINAL:
        values |= {"status": "canceled", "ended_at": now(), "unpaid_url": None, "pending_plan_key": None}
    return values


AS_HISTORY = {
    Subscription: _subscription,
    PaymentAttempt: lambda values: values | ({"state": "abandoned"} if values["state"] == "open" else {}),
    Device: lambda values: values | {"token_hash": secrets.token_hex(32), "revoked_at": values["revoked_at"] or now()},
    OrganizationKey: lambda values: values | {"sealed": "", "retired_at": values["retired_at"] or now()},
}

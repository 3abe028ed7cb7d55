"""Organizations that were deleted thirty days ago are let go of: in batches, leaves first, their files last.

What was paid stays for the books, without the names of who paid; so does the audit log. The organization itself stays
as a number without a name, for those rows.
"""

from datetime import timedelta

from database.clock import now
from database.statements import delete_values
from database.transactions import writes
from domain.base import audit, long_jobs
from domain.files import stores
from domain.flyers import keeping
from domain.lists import attachments
from domain.records.public import quarantine
from models import (
    OWNED,
    CreditAccount,
    CreditEntry,
    Dispute,
    Event,
    Flyer,
    FlyerEvent,
    FlyerPicture,
    Membership,
    Notification,
    OrderItem,
    Organization,
    Payment,
    Payout,
    PayoutPart,
    PublicFile,
    StoredFile,
    TicketOrder,
    TicketPayment,
    TicketRefund,
    Tier,
)

JOB = "organization_purge"
AFTER = timedelta(days=30)
BATCH = 500  # rows to a transaction
GONE = "-deleted-"  # how the address of one that was purged begins: nobody can choose such a one
BOOKS = (
    *(Payment, Dispute, CreditAccount, CreditEntry),
    *(Event, Tier, TicketOrder, OrderItem, TicketPayment, TicketRefund, Payout, PayoutPart),
)
# What in the books says who, and is emptied.
NAMES = {
    TicketOrder: ("name", "email", "note", "trouble", "user"),
    TicketPayment: ("note",),
    Event: ("about", "transfer_about", "made_by"),
}
BESIDE = (Notification, FlyerEvent, Membership)  # of an organization, and not its own


def leaving(*, is_whole=False):
    """The tables whose rows go, those that refer before those that are referred to, and files last."""
    stay = (StoredFile,) if is_whole else (*BOOKS, StoredFile)
    return [table for table in OWNED[::-1] if table not in stay] + [StoredFile]


def due():
    """The organizations whose time has come."""
    return Organization.select().where(
        Organization.status == "deleted",
        Organization.deleted_at < now() - AFTER,
        ~Organization.slug.startswith(GONE),
    )


def nightly():
    """Begin with those whose time has come; returns how many."""
    found = list(due().order_by(Organization.id).limit(20))
    for organization in found:
        _begin(organization)
    return len(found)


@long_jobs.worker(JOB, waits=stores.StoreDown)
def work(job):
    """Take one up, or go on with it; returns how many rows went."""
    return _Purge(job, Organization.get_by_id(int(job.subject))).go_on()


@writes
def _begin(organization):
    begin(organization.id)


def begin(id, *, is_whole=False, **facts):
    """Have an organization let go of, in the present transaction; `is_whole`: with its books, which aren't of here."""
    long_jobs.begin(JOB, str(id), organization=id, is_whole=is_whole, **facts)


class _Purge:
    def __init__(self, job, organization):
        self.job, self.organization = job, organization

    def go_on(self):
        """Returns how many rows went."""
        began = self.job.done
        for table in leaving(is_whole=self.job.facts.get("is_whole", False)):
            for condition in _parts(table):
                while self._batch(table, condition):
                    pass
        for table in BESIDE:
            while self._beside(table):
                pass
        for table, names in NAMES.items():
            while self._forget(table, names):
                pass
        self._finish()
        return self.job.done - began + 1

    def _batch(self, table, condition):
        if table is StoredFile:
            for file in StoredFile.select().order_by(StoredFile.id).limit(BATCH):
                _remove_bytes(file)
        if table is PublicFile:
            for sent in PublicFile.select().order_by(PublicFile.id).limit(BATCH):
                quarantine.remove_bytes(sent)
        if table is FlyerPicture:
            for picture in FlyerPicture.select().order_by(FlyerPicture.id).limit(BATCH):
                keeping.remove_bytes(picture)
        if table is Flyer:  # they ended when it was deleted; what a store that was down kept goes with the row
            for flyer in Flyer.select().order_by(Flyer.id).limit(BATCH):
                keeping.forget_flyer(flyer)
        return self._delete(table, condition)

    @writes
    def _delete(self, table, condition):
        key = _primary_key(table)
        rows = list(table.select(*key).where(condition).limit(BATCH).tuples())
        delete_values(table, tuple(field.name for field in key), rows)
        return self._note(len(rows))

    @writes
    def _beside(self, table):
        some = table.select(table.id).where(table.organization == self.organization).limit(BATCH)
        return self._note(table.delete().where(table.id.in_(list(some))).execute())

    @writes
    def _forget(self, table, names):
        fields = [table._meta.fields[name] for name in names]
        told = fields[0].is_null(False)
        for field in fields[1:]:
            told |= field.is_null(False)
        ids = [row.id for row in table.select(table.id).where(told).limit(BATCH)]
        return self._note(table.update(dict.fromkeys(names)).where(table.id.in_(ids)).execute() if ids else 0)

    def _note(self, count):
        long_jobs.progress(self.job, self.job.done + count, lasting=True)
        return count

    @writes
    def _finish(self):
        gone = {"name": "A deleted organization", "slug": f"{GONE}{self.organization.id}", "suspended_reason": None}
        if self.organization.status != "deleted":
            gone |= {"status": "deleted", "deleted_at": now()}
        Organization.update(**gone).where(Organization.id == self.organization.id).execute()
        is_whole = self.job.facts.get("is_whole")
        words = "What came of it was removed" if is_whole else f"What was deleted {AFTER.days} days ago was let go of"
        audit.record("organization.purged", words, organization=self.organization, rows=self.job.done)
        long_jobs.finish(self.job)


def _primary_key(table):
    meta = table._meta
    return [table.id] if "id" in meta.fields else [meta.fields[name] for name in meta.primary_key.field_names]


def _parts(table):
    """Conditions that an index knows, which are all rows together: of a table that stands beside another one, one for
    each row of that."""
    if "id" in table._meta.fields:
        yield table.id > 0
        return
    first = _primary_key(table)[0]
    for parent in list(first.rel_model.select(first.rel_model.id)):
        yield first == parent.id


def _remove_bytes(file):
    for name in (attachments.key, attachments.small_key):
        stores.active().remove(name(file.organization_id, file.sha256))

"""Thirty days after an organization was deleted its rows go, and nobody else's; the books stay, without names."""

import io
from datetime import timedelta

import pytest
from peewee import ForeignKeyField

import jobs
from database.clock import now
from database.scope import inside
from domain.base import audit, configuration
from domain.files import stores
from domain.lists import attachments, comments, rows
from domain.operations import purges
from domain.organizations import organizations
from domain.records import collections, listings
from domain.tasks import tasks
from models import (
    OWNED,
    AuditEvent,
    LongJob,
    Membership,
    Organization,
    RecordKey,
    Task,
    TicketOrder,
    User,
)
from tests.fixtures import deaths
from tests.fixtures.events import everything
from tests.fixtures.threads import write


def fill(by):
    """Rows of many kinds, and a file."""
    with inside(by.organization):
        task = rows.create(tasks.rules, {"title": "Call the printer"}, by=by)
        attachments.add(tasks.rules, task.id, io.BytesIO(b"hello"), "note.txt", by=by)
        comments.add(tasks.rules, task.id, {"text": "Soon"}, by=by, page="/x")
        made = collections.make("Things", by=by)
        for number in range(5):
            rows.create(listings.of(made, by), {"f" + str(first_field(made)): f"Bolt {number}"}, by=by)
        everything(by, by)


def first_field(table):
    return collections.fields(table)[0].id


def counts(organization):
    with inside(organization):
        return {table.__name__: table.select().count() for table in OWNED}


def deleted(organization, days):
    organizations.close(organization, by=organization.owner)
    deleted_at = now() - timedelta(days=days)
    write(lambda: Organization.update(deleted_at=deleted_at).where(Organization.id == organization.id).execute())


def night():
    """How many rows went in a night."""
    jobs.run("purge_night")
    return jobs.run("purge")


def lying():
    """The files of organizations' rows; those of flyers lie elsewhere."""
    files = configuration.active.data / "files"
    return sorted(path for path in files.rglob("*") if path.is_file() and "flyers" not in path.parts)


@pytest.fixture
def two(at):
    fill(at("alice"))
    fill(at("charlie", "globex"))
    return Organization.get(Organization.slug == "acme"), Organization.get(Organization.slug == "globex")


def test_its_rows_and_files_go_and_nobody_elses(two, cast):
    acme, globex = two
    kept, users = counts(globex), User.select().count()
    assert len(lying()) == 2
    deleted(acme, 29)
    assert night() == 0
    deleted_at = now() - timedelta(days=31)
    write(lambda: Organization.update(deleted_at=deleted_at).where(Organization.id == acme.id).execute())
    assert night() > 20
    left = {name: count for name, count in counts(acme).items() if count}
    assert set(left) <= {table.__name__ for table in purges.BOOKS}
    assert counts(globex) == kept
    assert [str(globex.id) in path.parts for path in lying()] == [True]
    assert Membership.select().where(Membership.organization == acme).count() == 0
    assert User.select().count() == users
    # What was paid is in the books, and nobody's name.
    with inside(acme):
        orders = list(TicketOrder.select())
        assert {(order.name, order.email, order.user_id, order.note) for order in orders} == {(None, None, None, None)}
        assert sum(order.paid_cents for order in orders) == 1000
    row = Organization.get_by_id(acme.id)
    assert (row.name, row.slug) == ("A deleted organization", f"-deleted-{acme.id}")
    assert AuditEvent.select().where(AuditEvent.action == "organization.purged").count() == 1
    assert audit.verify().is_whole
    assert night() == 0
    organizations.create("Acme", by=cast.bob)
    assert Organization.get(Organization.slug == "acme").owner == cast.bob  # its address is free


def test_no_chosen_address_stands_in_the_way(two, cast):
    acme, globex = two
    organizations.create(f"Deleted {acme.id}", by=cast.bob)
    write(lambda: Organization.update(slug="deleted-files").where(Organization.id == globex.id).execute())
    for one in two:
        deleted(Organization.get_by_id(one.id), 31)
    night()
    assert {one.slug for one in Organization.select().where(Organization.id << [acme.id, globex.id])} == {
        f"-deleted-{acme.id}",
        f"-deleted-{globex.id}",
    }
    assert Organization.get(Organization.slug == f"deleted-{acme.id}").owner == cast.bob


def test_a_store_that_is_down_only_puts_it_off(two, monkeypatch, clock):
    def down(*_):
        raise stores.StoreDown

    deleted(two[0], 31)
    monkeypatch.setattr(stores.active(), "remove", down)
    for _ in range(5):
        night()
        clock.forward(minutes=6)
    monkeypatch.undo()
    night()
    assert Organization.get_by_id(two[0].id).slug == f"-deleted-{two[0].id}"


DYING = """
from domain.operations import purges
from tests.fixtures import deaths
about = deaths.awake()
purges.BATCH = 2
deaths.dies_at(purges._Purge, "_delete")
deaths.dies_at(purges, "_remove_bytes")
deaths.dies_at(purges._Purge, "_forget")
purges.work()
"""


def test_a_kill_at_any_point_loses_and_doubles_nothing(two):
    acme, globex = two
    kept = counts(globex)
    deleted(acme, 31)
    jobs.run("purge_night")
    for nth in (3, 40, 90):
        deaths.die(DYING, nth=nth)
        write(lambda: LongJob.update(held_until_at=None).execute())
    assert jobs.run("purge") > 0
    assert {name for name, count in counts(acme).items() if count} <= {table.__name__ for table in purges.BOOKS}
    assert counts(globex) == kept
    with inside(globex):
        assert Task.select().count() == 1
        assert RecordKey.select().count() > 0


def test_the_books_go_with_nothing_that_isnt_of_them():
    bound = {
        (table.__name__, field.name)
        for table in purges.BOOKS
        for field in table._meta.sorted_fields
        if isinstance(field, ForeignKeyField)
        and field.on_delete == "CASCADE"
        and field.rel_model not in (*purges.BOOKS, Organization)
    }
    assert bound == set()

"""An organization out as one file, and in at another site: row by row, by what people read, over kills, once."""

import hashlib
import io
import json
import shutil

import pytest
from peewee import ForeignKeyField

import jobs
from database.clock import now
from database.scope import everywhere, inside
from domain import Invalid, Refused
from domain.events.carriers import covers
from domain.files import made_files
from domain.lists import attachments, comments, lists, rows
from domain.operations import demo
from domain.operations.moving import arrivals, carried, departures, findings, references, row_lines
from domain.organizations import logos, organizations
from domain.records import collections, listings, shapes
from domain.records.computed import formulas
from domain.tasks import tasks
from models import (
    Admin,
    Arrival,
    AuditEvent,
    Change,
    Collection,
    Comment,
    Event,
    Grant,
    Invitation,
    LongJob,
    Membership,
    Organization,
    Outgoing,
    Record,
    RecordField,
    RecordOption,
    Session,
    Stock,
    StoredFile,
    Subscription,
    Task,
    User,
)
from tests.fixtures import deaths
from tests.fixtures.flyers import corners, saved
from tests.fixtures.threads import write
from tests.fixtures.travels import elsewhere, taken_out


def kept(organization):
    """table → id → the row as it is, of what travels."""
    with inside(organization):
        return {table: {row.id: row.__data__ for row in table.select()} for table in carried.tables()}


def read(organization):
    """What people read: no number of a row in it."""
    with inside(organization):
        people = {user.id: user.name for user in User.select()}
        found = {}
        for table in Collection.select().order_by(Collection.slug):
            shape = shapes.read(table)
            called = {f"f{field.id}": field.label for field in RecordField.select()}
            for row in Record.select().where(Record.collection == table).order_by(Record.id):
                document = json.loads(row.cells)
                for cell in shape.cells:
                    value = cell.value(document)
                    if cell.kind_name in ("link", "links") and value:
                        value = [Record.get_by_id(one).words for one in value]
                    elif cell.kind_name in ("person", "people") and value:
                        value = people[value] if isinstance(value, int) else [people[one] for one in value]
                    elif cell.kind_name == "choice" and value:
                        value = RecordOption.get_by_id(value).label
                    found[table.slug, row.words, called[cell.name]] = str(value)
        told = [(row.table.partition(":")[0], row.verb, len(row.fields), row.at) for row in Change.select()]
        says = [(row.text, row.by and people[row.by_id]) for row in Comment.select()]
        stocks = sorted((row.kind, _called(row), row.size or 0, row.sold) for row in Stock.select())
        return found, sorted(told, key=str), sorted(says), stocks


def _called(stock):
    table = references.TABLES[references.THINGS[stock.kind]]
    thing = table.get_by_id(stock.thing)
    return getattr(thing, "title", None) or getattr(thing, "name", None) or thing.code


CHANGED = {"updated_at"}  # of rows that speak of others by their numbers


def same_rows(before, after, organization):
    """Each row is there once, with the same in it, but that it speaks of others by their numbers here."""
    with inside(organization):
        new = {(row.table, row.source_id): row.row_id for row in Arrival.select()}
        people = {user.name: user.id for user in User.select()}
    for table, was in before.items():
        name = row_lines.name_of(table)
        assert len(after[table]) >= len(was) if name == "stock_move" else len(after[table]) == len(was), name
        soft = _soft(table)
        for id, row in was.items():
            here = after[table][new[name, id]]
            for field in table._meta.sorted_fields:
                value, expected = here[field.name], row[field.name]
                if (
                    field.name in ("id", "organization")
                    or (name, field.name) in row_lines.SECRETS
                    or field.name in soft
                ):
                    continue
                if isinstance(field, ForeignKeyField) and expected is not None:
                    expected = (
                        people[_called_then[expected]]
                        if field.rel_model is User
                        else new[row_lines.name_of(field.rel_model), expected]
                    )
                assert value == expected, (name, field.name)


_called_then: dict = {}


def _soft(table):
    told = {
        "subscription": {"status", "ended_at", "provider"},
        "billing_payment": {"provider", "url"},
        "billing_dispute": {"provider"},
        "organization_key": {"retired_at"},
        "device": {"revoked_at"},
        "payment_attempt": {"state", "account", "url"},
        "ticket_payment": {"account"},
        "ticket_refund": {"key", "state", "error"},
        "ticket_order": {"state", "ended_at", "updated_at"},
        "payout": {"account", "provider"},
        "sale_rehearsal": {"state"},
        "buyer": {"taken", "updated_at"},
        "flyer_template": {"public_id", "state", "live_version"},
        "flyer_picture": {"created_at", "updated_at"},
        "event": {"arrivals", "line_behind", "updated_at"},
    }
    found = told.get(row_lines.name_of(table), set())
    return found | (CHANGED | SOFT_FIELDS.get(row_lines.name_of(table), set()) if table in references.SOFT else set())


SOFT_FIELDS = {
    "change": {"table", "row_id", "fields"},
    "row_comment": {"table", "row_id", "text", "mentions"},
    "saved_view": {"table", "query"},
    "saved_chart": {"listing", "query"},
    "stored_file": {"table", "row_id", "slot", "thumbnail"},
    "label": {"merged_into_id"},
    "task": {"labels"},
    "record_field": {"slot_id", "options", "begins"},
    "record_slot": {"options"},
    "record_option": {"merged_into_id"},
    "record_rule": {"who", "fields", "sees", "where"},
    "record": {"cells"},
    "stock": {"thing", "held"},
    "place": {"wishes", "tiers", "state"},
}


@pytest.fixture
def out(house, proven, tmp_path_factory):
    """(the file, what was in the demo's organization, what people read there); the house is another one then."""

    def make(houses):
        team = demo.furnish()
        by = organizations.reach(User.get(User.email == "alice@example.org"), team.slug)
        with inside(team):
            task = Task.select().order_by(Task.id).first()
            attachments.add(tasks.rules, task.id, io.BytesIO(b"the plan of the hall"), "plan.txt", by=by)
            logos.put(saved(corners()), "logo.png", by=by)
            comments.add(tasks.rules, task.id, {"text": "Look at this, @Bob Adeyemi"}, by=by, page="/x")
            paid = {"provider": "stripe", "provider_subscription_id": "sub_1", "provider_customer_id": "cus_1"}
            write(lambda: Subscription.create(plan_key="pro", status="active", last_event_at=now(), **paid))
        before, said = kept(team), read(team)
        _called_then.update({user.id: user.name for user in User.select()})
        path = taken_out(by, proven, tmp_path_factory.mktemp("out"))
        shutil.rmtree(house / "files")
        houses.reopen(house)
        return path, before, said

    return make


def test_a_demo_boots_elsewhere_row_by_row(out, houses, house):
    path, before, said = out(houses)
    assert findings.look(path)["findings"] == []
    arrivals.begin(path, by=None, is_new=True)
    jobs.run("organization_import")
    job = arrivals.newest()[0]
    assert (job.status, job.error) == ("done", None)
    team = Organization.get(Organization.slug == "acme-festival")
    assert (team.status, team.owner.email) == ("active", "alice@example.org")
    same_rows(before, kept(team), team)
    there = read(team)
    for was, here in zip(said, there, strict=True):
        assert here == was
    # What a plan gave stays behind, what was paid is history, and nobody is signed in.
    with inside(team):
        assert Grant.select().count() == 0
        assert {row.status for row in Subscription.select()} == {"canceled"}
        file = StoredFile.get(StoredFile.table == "task")
        assert b"".join(attachments.content(file)) == b"the plan of the hall"
        assert Task.get_by_id(file.row_id).id
        sha256, picture = covers.content(Event.get(Event.title == "Lantern Festival").id)
        assert hashlib.sha256(picture).hexdigest() == sha256
        assert logos.content(team)[0] == team.logo
    assert Session.select().count() == 0
    assert {user.password_hash for user in User.select()} == {None}
    assert Admin.get().email == "alice@example.org"
    # It lives: the owner opens a list, finds a row, writes the next.
    by = organizations.reach(team.owner, team.slug)
    with inside(team):
        rules = listings.of(Collection.get(Collection.slug == "sponsors"), by)
        assert rules.listing
        assert rows.create(tasks.rules, {"title": "The first one here"}, by=by).id
    with pytest.raises(Refused, match="accounts here already"):
        arrivals.begin(path, by=None, is_new=True)
    with pytest.raises(Invalid, match="here already"):
        arrivals.begin(path, by=team.owner)


def _acme(at):
    with inside(at("alice").organization):
        first = rows.create(
            tasks.rules, {"title": "Call the printer", "assigned_to": str(at("bob").user.id)}, by=at("alice")
        )
        attachments.add(tasks.rules, first.id, io.BytesIO(b"hello"), "note.txt", by=at("bob"))
    return at("alice")


@pytest.fixture
def acme_out(cast, at, proven, tmp_path_factory):
    return taken_out(_acme(at), proven, tmp_path_factory.mktemp("out"))


def test_into_another_site_people_are_invited_and_twice_is_once(acme_out, houses, house, password_hash):
    zoe, bob = elsewhere(houses, house, password_hash, "zoe", "bob")
    arrivals.begin(acme_out, by=zoe)
    jobs.run("organization_import")
    job = arrivals.newest()[0]
    assert (job.status, job.error) == ("done", None)
    acme = Organization.get(Organization.slug == "acme")
    assert [(row.user_id, row.role) for row in Membership.select().where(Membership.organization == acme)] == [
        (zoe.id, "owner")
    ]
    with inside(acme):
        (task,) = Task.select()
        # Whose address is proven here is known; who isn't here yet is nobody, and a task is somebody's.
        assert (task.user_id, task.assigned_to_id, task.title) == (zoe.id, bob.id, "Call the printer")
        assert Invitation.select().count() + len(job.facts["uninvited"]) == 4
    assert AuditEvent.select().where(AuditEvent.action == "organization.imported").count() == 1
    letters = Outgoing.select().count()
    with pytest.raises(Invalid, match="It is here already, as Acme"):
        arrivals.begin(acme_out, by=zoe)
    assert Outgoing.select().count() == letters
    with everywhere("the test counts what is there"):
        assert Task.select().count() == 1


def test_formulas_go_by_the_fields_that_there_are_here(cast, at, proven, houses, house, password_hash, tmp_path):
    by = at("alice")
    with inside(by.organization):
        fields = (("Name", "text"), ("Price", "number"), ("Count", "number"))
        orders = collections.make("Orders", by=by, fields=fields)
        price, count = (field.id for field in collections.fields(orders)[1:])
        formulas.add(orders.slug, "Total", "formula", {"formula": "{Price} * {Count}"}, by=by)
        rows.create(listings.of(collections.found("orders"), by), {f"f{price}": "3", f"f{count}": "2"}, by=by)
    path = taken_out(by, proven, tmp_path)
    (zoe,) = elsewhere(houses, house, password_hash, "zoe")
    globex = organizations.create("Globex", by=zoe)
    with inside(globex):  # whose fields have the numbers that those of Acme had
        theirs = organizations.reach(zoe, globex.slug)
        collections.make("Others", by=theirs, fields=(("Name", "text"), *[(f"Field {n}", "number") for n in range(9)]))
    arrivals.begin(path, by=zoe)
    jobs.run("organization_import")
    jobs.run("record_formulas")
    acme = Organization.get(Organization.slug == "acme")
    with inside(acme):
        alice, orders = organizations.reach(zoe, "acme"), collections.found("orders")
        _, price, count, total = collections.fields(orders)
        assert formulas.written(orders, total.kind, total.options)["formula"] == "{Price} * {Count}"
        rules, (row,) = listings.of(orders, alice), Record.select()
        assert getattr(lists.find(rules.listing, row.id, alice), f"f{total.id}") == 6
        rows.change(rules, row.id, {f"f{price.id}": "5"}, by=alice)
        assert getattr(lists.find(rules.listing, row.id, alice), f"f{total.id}") == 10


def test_an_address_that_is_taken_asks_for_another(acme_out, houses, house, password_hash):
    (zoe,) = elsewhere(houses, house, password_hash, "zoe")
    organizations.create("Acme", by=zoe)
    assert findings.look(acme_out)["findings"] == ["The address /acme is taken here. Choose another one."]
    with pytest.raises(Invalid, match="taken here"):
        arrivals.begin(acme_out, by=zoe)
    arrivals.begin(acme_out, by=zoe, slug="acme-north")
    jobs.run("organization_import")
    assert Organization.get(Organization.slug == "acme-north").name == "Acme"


def test_beside_itself_it_is_refused_while_what_may_be_once_is_there(acme_out, cast):
    told = findings.look(acme_out, "copy")
    assert told["findings"] == []  # nothing of it is the only one of a site
    arrivals.begin(acme_out, by=cast.charlie, slug="copy")
    jobs.run("organization_import")
    assert arrivals.newest()[0].status == "done"
    with inside(Organization.get(Organization.slug == "copy")):
        assert [task.title for task in Task.select()] == ["Call the printer"]


DYING = """
from database.connections import database
from domain.operations.moving import arrivals, departures
from tests.fixtures import deaths
from tests.fixtures.threads import write
from tests.fixtures.travels import elsewhere, taken_out
about = deaths.awake()
departures.row_lines.BATCH = arrivals.BATCH = 2
deaths.dies_at(departures._Departure, "_write_table")
deaths.dies_at(departures, "_put")
deaths.dies_at(arrivals._Arriving, "_piece")
deaths.dies_at(arrivals._Arriving, "_make_organization")
deaths.dies_at(arrivals._Arriving, "_finish", after=False)
departures.work()
arrivals.work()
"""


def _a_minute_later():
    write(lambda: LongJob.update(held_until_at=None).execute())


def test_what_a_kill_cuts_off_goes_on_exactly(cast, at, proven, houses, house, password_hash, tmp_path_factory):
    by, folder = _acme(at), tmp_path_factory.mktemp("out")
    with inside(by.organization):
        proven("alice", "organization.export", by.organization.id)
        departures.ask(by=by)
        for nth in (20, 60):
            deaths.die(DYING, nth=nth)
            _a_minute_later()
        departures.work()
        job = departures.newest(by)
        assert job.status == "done", job.error
        path = shutil.copy(made_files.path(job), folder / "taken.zip")
    before = kept(by.organization)
    _called_then.update({user.id: user.name for user in User.select()})
    elsewhere(houses, house, password_hash)
    arrivals.begin(path, by=None, is_new=True)
    for nth in (2, 6, 4):
        deaths.die(DYING, nth=nth)
        _a_minute_later()
        assert Organization.select().where(Organization.status == "active", Organization.slug == "acme").count() == 0
    arrivals.work()
    assert arrivals.newest()[0].status == "done"
    acme = Organization.get(Organization.slug == "acme")
    same_rows(before, kept(acme), acme)


def test_every_number_in_a_row_is_thought_about():
    """A column that may be the number of another row is a foreign key, told in references.py, or none."""
    plain = {"bytes", "size"}
    found = set()
    for table in carried.tables():
        soft = SOFT_FIELDS.get(row_lines.name_of(table), set())
        for field in table._meta.sorted_fields:
            is_number = field.name.endswith("_id") and not isinstance(field, ForeignKeyField)
            is_document = type(field).__name__ in ("JSONField", "Ids")
            if (is_number or is_document) and field.name not in soft and field.name not in plain:
                found.add(f"{row_lines.name_of(table)}.{field.name}")
    assert found == NO_NUMBERS


NO_NUMBERS = {
    "collection.settings",
    "record_field.aliases",
    "record.import_id",  # of an import that isn't kept
    "sale_rehearsal.report",
    *("event.public_id", "ticket_order.public_id", "place.public_id", "payment_attempt.public_id"),
    "pass_transfer.public_id",
    *("flyer_template.public_id", "flyer_template.draft"),
    "subscription.provider_customer_id",
    *("subscription.provider_subscription_id", "subscription.provider_price_id", "billing_payment.provider_payment_id"),
    *("billing_dispute.provider_dispute_id", "ticket_payment.provider_payment_id", "ticket_refund.provider_refund_id"),
}


def test_every_table_of_an_organization_travels_or_is_told_why_not():
    names = {row_lines.name_of(table) for table in row_lines.parents_last()}
    assert set(carried.LEFT) - names == set()
    assert all(carried.LEFT.values())

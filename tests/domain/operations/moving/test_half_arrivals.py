"""Files that can't come, or not now: what waits goes on, and what is given up leaves nothing in the way."""

import io

import pytest
from PIL import Image

import jobs
from database import transactions
from database.scope import everywhere, inside
from domain import Invalid, Refused
from domain.files import stores
from domain.imports import kept_files
from domain.lists import attachments, rows
from domain.operations.moving import arrivals, findings
from domain.organizations import organizations
from domain.tasks import tasks
from models import OWNED, Arrival, LongJob, Organization, StoredFile, Task, TicketOrder
from tests.fixtures.events import TIMES, make_event, ordered
from tests.fixtures.travels import brought, elsewhere, forged, taken_out


def picture():
    out = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def zoe(cast, at, proven, houses, house, password_hash, tmp_path):
    """Zoe at another site, with the file of Acme: a task with a picture and a page, an order."""
    by = at("alice")
    with inside(by.organization):
        task = rows.create(tasks.rules, {"title": "Call the printer"}, by=by)
        for content, name in ((picture(), "plan.png"), (b"<script>", "note.html")):
            attachments.add(tasks.rules, task.id, io.BytesIO(content), name, by=by)
        event, (tier,) = make_event(by, **TIMES)
        ordered(event, tier, "Ada")
    path = taken_out(by, proven, tmp_path)
    (user,) = elsewhere(houses, house, password_hash, "zoe")
    user.path = path
    return user


def is_gone():
    """Whether nothing of a file that was given up is left, but the name of nobody."""
    jobs.run("purge")
    with everywhere("the test looks for what is left"):
        left = {table.__name__ for table in OWNED if table.select().where(table.organization != 1).exists()}
    (row,) = Organization.select().where(Organization.id > 1)
    return (left, row.status, row.slug) == (set(), "deleted", f"-deleted-{row.id}") and not _kept()


def _kept():
    return [path.name for path in kept_files.folder().iterdir()]


def test_while_files_cant_be_reached_it_waits_and_goes_on(zoe, monkeypatch, clock):
    def down(*_):
        raise stores.StoreDown

    monkeypatch.setattr(stores.active(), "put", down)
    job = brought(zoe.path, zoe)
    assert (job.status, job.attempts, job.error) == ("waiting", 0, None)
    assert Organization.get(Organization.slug == "acme").status == "suspended"
    assert jobs.run("organization_import") == 0
    monkeypatch.undo()
    clock.forward(minutes=2)
    jobs.run("organization_import")
    assert arrivals.newest()[0].status == "done"
    assert not _kept()


def test_what_isnt_a_row_is_given_up_whole_and_the_right_file_comes_then(zoe):
    bad = forged(zoe.path, ticket_order=lambda row: row | {"paid_cents": -1, "state": "lost"})
    job = brought(bad, zoe)
    assert (job.status, job.error) == ("failed", arrivals.UNFIT)
    assert Organization.select().where(Organization.slug == "acme").count() == 0
    assert findings.look(zoe.path)["findings"] == ["What was begun of it is being removed. Try again in some minutes."]
    assert is_gone()
    assert brought(zoe.path, zoe).status == "done"
    with inside(Organization.get(Organization.slug == "acme")):
        assert [(one.title, TicketOrder.select().count()) for one in Task.select()] == [("Call the printer", 1)]


def test_what_was_cut_off_too_often_is_given_up_too(zoe, monkeypatch, clock):
    def dies(*_):
        raise MemoryError

    monkeypatch.setattr(arrivals._Arriving, "_refer", dies)
    arrivals.begin(zoe.path, by=zoe)
    for _ in range(6):
        try:
            arrivals.work()
        except MemoryError:
            clock.forward(minutes=2)
    assert "cut off several times" in arrivals.newest()[0].error
    arrivals.work()
    assert is_gone()
    monkeypatch.undo()
    assert brought(zoe.path, zoe).status == "done"


def test_what_was_deleted_here_may_come_again(cast, at, proven, houses, house, password_hash, tmp_path):
    path = taken_out(at("alice"), proven, tmp_path)
    (zoe,) = elsewhere(houses, house, password_hash, "zoe")
    for slug in ("acme", "again"):
        assert brought(path, zoe, slug=slug).status == "done"
        acme = Organization.get(Organization.slug == slug)
        assert findings.look(path)["findings"][0] == "It is here already, as Acme."
        organizations.close(acme, by=zoe)
        assert findings.look(path, "third")["findings"] == []


def test_a_file_that_may_not_begin_is_not_kept(zoe):
    job = arrivals.begin(zoe.path, by=zoe)
    other = forged(zoe.path, task=lambda row: row | {"title": "Another"})
    with pytest.raises(Refused, match="brought in already"):
        arrivals.begin(other, by=zoe)
    assert _kept() == [job.facts["sha256"]]


def test_small_pictures_are_drawn_once_the_bytes_are_there_and_types_are_what_bytes_say(zoe):
    lying = forged(zoe.path, stored_file=lambda row: row | {"type": "image/png", "size": 1, "thumbnail": "made"})
    seen = []
    real = arrivals._Arriving._keep

    def keep(self, some):
        seen.append({row.thumbnail for row in StoredFile.select()})
        jobs.run("thumbnails")
        real(self, some)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arrivals._Arriving, "_keep", keep)
        assert brought(lying, zoe).status == "done"
    assert seen == [{"none"}]
    with inside(Organization.get(Organization.slug == "acme")):
        jobs.run("thumbnails")
        drawn, plain = StoredFile.select().order_by(StoredFile.id)
        assert (drawn.thumbnail, drawn.type, drawn.size) == ("made", "image/png", len(picture()))
        assert b"".join(attachments.content(drawn, small=True)).startswith(b"RIFF")
        assert (plain.thumbnail, plain.size, plain.type == "image/png") == ("none", 8, False)


def test_no_file_goes_to_a_store_within_a_transaction(zoe, monkeypatch):
    outside, real = [], stores.active().put

    def put(key, file):
        with pytest.raises(RuntimeError):
            transactions.present()
        outside.append(key)
        real(key, file)

    monkeypatch.setattr(stores.active(), "put", put)
    assert brought(zoe.path, zoe).status == "done"
    assert len(outside) == 2


def test_odd_rows_are_refused_and_never_a_failure(zoe):
    for change in (
        {"id": "x"},
        {"title": ["a"]},
        {"user": {"a": 1}},
        {"title": "\ud800"},
        {"due_at": "yesterday"},
        {"status": None},
    ):
        bad = forged(zoe.path, task=lambda row, change=change: row | change)
        try:
            job = brought(bad, zoe)
        except Invalid:
            continue
        assert (job.status, job.error) == ("failed", arrivals.UNFIT), change
        jobs.run("purge")
    assert LongJob.select().where(LongJob.kind == arrivals.JOB, LongJob.status == "done").count() == 0
    with everywhere("the test looks for what is left"):
        assert Arrival.select().count() == 0

"""A batch is drawn row by row, goes on after a kill, and is paid once, for what was drawn alone."""

import csv
import io
import zipfile

import pytest
from PIL import Image

import jobs
from domain import Forbidden, Refused
from domain.base import long_jobs
from domain.entitlements import credit_accounts
from domain.files import made_files, stores
from domain.flyers.batches import batches, drawing
from models import CreditHold, FlyerBatch, FlyerBatchRow, LongJob, Notification
from tests.fixtures.credits import give, ledger, whole
from tests.fixtures.flyer_batches import FACE, a_table, a_template, a_zip, bring, told
from tests.fixtures.flyers import make_flyer
from tests.fixtures.threads import write


@pytest.fixture
def batch(clock, inside_acme, at, cast, tmp_path):
    """Five rows, of which one is bad; Acme has ten credits."""
    give(cast.acme, 10)
    table = a_table("Ada Okonkwo,ada.jpg", "José,", ",ada.jpg", "=Bea,ada.jpg", "王秀英,")
    return bring(a_template(at), table, a_zip(tmp_path, ada_jpg=FACE), by=at("bob"))


def fresh(batch):
    return FlyerBatch.get_by_id(batch.id)


def packed(batch):
    return zipfile.ZipFile(made_files.path(batches.job_of(batch)))


def spent(cast):
    return [delta for delta, _, reason, _ in ledger(cast.acme) if reason == "spend"]


def leftovers():
    return [path.name for path in (batches.configuration.active.data / "archives").iterdir()]


def test_good_rows_are_drawn_packed_and_paid_and_bad_ones_are_told(batch, at, cast):
    batches.begin(batch.id, by=at("alice"))
    assert whole(cast.acme).held == 4
    assert jobs.run("flyer_batch") == 1
    assert (fresh(batch).state, spent(cast), whole(cast.acme).balance) == ("done", [-4], 6)
    with packed(batch) as made:
        names = made.namelist()
        assert names == ["001-ada-okonkwo.jpg", "002-jose.jpg", "004-bea.jpg", "005-flyer.jpg", "errors.csv"]
        image = Image.open(io.BytesIO(made.read(names[0])))
        assert (image.size, dict(image.getexif())) == ((1080, 1350), {})
        lines = list(csv.reader(io.StringIO(made.read("errors.csv").decode("utf-8-sig"))))
    assert [line[0] for line in lines] == ["Row", "3"]
    assert leftovers() == [made_files.path(batches.job_of(batch)).name]
    assert jobs.run("flyer_batch") == 0
    jobs.work_off()
    (news,) = Notification.select().where(Notification.type == "flyer.batch_done")
    assert (news.recipient, news.title[-18:]) == (FlyerBatch.get_by_id(batch.id).by, ": 4 of 5 are drawn")
    batches.remove(batch.id, by=at("bob"))
    assert (leftovers(), FlyerBatchRow.select().count(), spent(cast)) == ([], 0, [-4])


def test_flyer_case_16_photos_of_a_batch_say_nothing_of_where_they_were_taken(clock, inside_acme, at, cast, tmp_path):
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (53.0, 33.0, 0.0)}
    face = io.BytesIO()
    Image.open(io.BytesIO(FACE)).save(face, "JPEG", exif=exif)
    give(cast.acme, 1)
    batch = bring(a_template(at), a_table("Ada,a.jpg"), a_zip(tmp_path, a_jpg=face.getvalue()), by=at("bob"))
    batches.begin(batch.id, by=at("alice"))
    drawing.work()
    with packed(batch) as made:
        data = made.read("001-ada.jpg")
    assert (b"Exif" in face.getvalue(), b"Exif" in data) == (True, False)


def test_it_is_begun_once_by_who_may_and_only_with_credits(batch, at, cast):
    with pytest.raises(Forbidden):
        batches.begin(batch.id, by=at("bob"))
    batches.begin(batch.id, by=at("alice"))
    with pytest.raises(batches.InvalidTransition):
        batches.begin(batch.id, by=at("alice"))
    assert (CreditHold.select().count(), LongJob.select().where(LongJob.kind == "flyer_batch").count()) == (1, 1)
    with pytest.raises(batches.InvalidTransition, match="Stop it first"):
        batches.remove(batch.id, by=at("alice"))


def test_without_credits_nothing_is_begun(clock, inside_acme, at, cast):
    batch = bring(a_template(at), a_table("Ada,"), by=at("bob"))
    with pytest.raises(credit_accounts.InsufficientCredits):
        batches.begin(batch.id, by=at("alice"))
    assert (fresh(batch).state, batches.job_of(batch)) == ("queued", None)
    none = bring(a_template(at, "Other"), a_table(",nobody.jpg"), by=at("bob"))
    with pytest.raises(Refused, match="None of its rows"):
        batches.begin(none.id, by=at("alice"))


@pytest.mark.parametrize("where", ["drawn", "_note", "_pack", "_finish"])
def test_a_kill_anywhere_goes_on_where_it_stood_and_charges_once(batch, at, cast, monkeypatch, where):
    batches.begin(batch.id, by=at("alice"))
    times, does = [], getattr(drawing, where)
    drawn, draw = [], drawing.drawn

    def killed(*args):
        times.append(args)
        if len(times) == (1 if where.startswith(("_p", "_f")) else 3):
            raise SystemExit
        return does(*args)

    with monkeypatch.context() as then:
        then.setattr(drawing, where, killed)
        with pytest.raises(SystemExit):
            drawing.work()
    assert (fresh(batch).state, spent(cast), whole(cast.acme).held) == ("running", [], 4)
    monkeypatch.setattr(drawing, "drawn", lambda batch, row: drawn.append(row.n) or draw(batch, row))
    assert drawing.work() == 1
    assert drawn == {"drawn": [4, 5], "_note": [4, 5], "_pack": [], "_finish": []}[where]
    assert (fresh(batch).state, spent(cast), whole(cast.acme).held) == ("done", [-4], 0)
    with packed(batch) as made:
        assert len(made.namelist()) == 5


def test_a_row_that_takes_the_server_down_is_left_out_when_it_did_thrice(batch, at, cast, monkeypatch):
    batches.begin(batch.id, by=at("alice"))
    draw = drawing.drawn

    def deadly(batch, row):
        if row.n == 2:
            raise SystemExit
        return draw(batch, row)

    monkeypatch.setattr(drawing, "drawn", deadly)
    for _ in range(3):
        with pytest.raises(SystemExit):
            drawing.work()
    drawing.work()
    assert told(batch)[1] == ("failed", "It took the server down.")
    assert (fresh(batch).state, spent(cast)) == ("done", [-3])


def test_a_row_that_cant_be_drawn_costs_nothing_and_stops_no_other(batch, at, cast, monkeypatch, caplog):
    batches.begin(batch.id, by=at("alice"))
    draw = drawing.drawn
    monkeypatch.setattr(drawing, "drawn", lambda batch, row: 1 / 0 if row.n == 1 else draw(batch, row))
    drawing.work()
    assert told(batch)[0] == ("failed", "It couldn't be drawn.")
    assert (fresh(batch).state, spent(cast), "Ada" in caplog.text) == ("done", [-3], False)


def test_one_that_is_stopped_is_paid_for_what_was_drawn(batch, at, cast, monkeypatch):
    batches.begin(batch.id, by=at("alice"))
    note = drawing._note

    def noted(job, row, *rest):
        note(job, row, *rest)
        if row.n == 2:
            batches.stop(batch.id, by=at("alice"))

    monkeypatch.setattr(drawing, "_note", noted)
    drawing.work()
    assert (fresh(batch).state, spent(cast), whole(cast.acme).held) == ("done", [-2], 0)


def test_a_store_that_is_down_puts_it_off_and_fails_nothing(batch, at, cast, monkeypatch, clock):
    batches.begin(batch.id, by=at("alice"))

    def down(*_):
        raise stores.StoreDown

    with monkeypatch.context() as then:
        then.setattr(drawing, "drawn", down)
        assert drawing.work() == 1
        assert drawing.work() == 0  # not before a minute is over
    assert [state for state, _ in told(batch)].count("waiting") == 4
    clock.forward(minutes=2)
    drawing.work()
    assert (fresh(batch).state, spent(cast)) == ("done", [-4])


def test_one_whose_job_was_given_up_gives_its_credits_back(batch, at, cast):
    batches.begin(batch.id, by=at("alice"))
    write(LongJob.update(attempts=long_jobs.MOST).execute)
    drawing.work()
    assert (fresh(batch).state, fresh(batch).error) == ("failed", long_jobs.CUT_OFF)
    assert (spent(cast), whole(cast.acme).held, leftovers()) == ([], 0, [])


def test_one_that_is_begun_while_it_is_deleted_stays(batch, at, monkeypatch):
    one = batches.one

    def begun_meanwhile(id):
        found = one(id)
        write(FlyerBatch.update(state="running").execute)
        return found

    with monkeypatch.context() as then:
        then.setattr(batches, "one", begun_meanwhile)
        with pytest.raises(batches.InvalidTransition, match="Stop it first"):
            batches.remove(batch.id, by=at("bob"))
    assert (FlyerBatchRow.select().count(), batches.photos_of(batch).exists()) == (5, True)


def test_a_job_whose_batch_is_gone_ends_and_gives_its_credits_back(batch, at, cast):
    batches.begin(batch.id, by=at("alice"))
    write(FlyerBatch.delete().execute)
    assert drawing.work() == 1
    job = batches.job_of(batch)
    assert (job.status, job.error) == ("failed", "Its batch was deleted.")
    assert (spent(cast), whole(cast.acme).held, drawing.work()) == ([], 0, 0)


def test_what_was_held_too_long_costs_nothing_and_is_said(batch, at, cast, clock):
    batches.begin(batch.id, by=at("alice"))
    clock.forward(days=15)
    drawing.work()
    assert (fresh(batch).state, "lapsed" in fresh(batch).error, spent(cast)) == ("failed", True, [])


def test_visitors_come_first_but_not_for_ever(batch, at, monkeypatch):
    from_visitors = []
    monkeypatch.setattr(drawing, "PATIENCE", 2)

    class Clock:
        def wait(self, seconds):
            from_visitors.append(seconds)

    monkeypatch.setattr(drawing.threading, "Event", Clock)
    drawing._let_visitors_first()
    assert from_visitors == []
    make_flyer(batch.version)
    drawing._let_visitors_first()
    assert len(from_visitors) == 2

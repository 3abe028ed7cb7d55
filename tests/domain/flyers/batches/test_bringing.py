"""What an organizer brings: each row is looked at, and what is wrong is said by row, before anything is paid."""

import os
import zipfile

import pytest

from database.clock import now
from domain import Forbidden, Invalid
from domain.flyers.batches import batches, bringing
from models import CreditHold, FlyerBatch
from tests.fixtures.flyer_batches import FACE, a_table, a_template, a_zip, bring, told
from tests.fixtures.threads import write


@pytest.fixture
def template(clock, inside_acme, at):
    return a_template(at)


def test_flyer_case_30_each_row_says_what_is_wrong_with_it(template, at, tmp_path):
    photos = a_zip(
        tmp_path, **{"faces/ADA_jpg": FACE, "bad_jpg": FACE[:2000] + b"x", "cat_gif": b"GIF89a", "a/t_jpg": FACE}
    )
    table = a_table(
        "Ada,ada.JPG",
        ",ada.jpg",
        f"{'x' * 60},",
        "Bea,nobody.jpg",
        "Cleo,cat.gif",
        "Dan,https://example.org/dan.jpg",
        "Eve,../../etc/passwd",
        "Flo,",
    )
    batch = bring(template, table, photos, by=at("bob"))
    states = told(batch)
    assert [state for state, _ in states] == ["waiting", *["failed"] * 6, "waiting"]
    said = [wrong or "" for _, wrong in states]
    for n, words in (
        (1, "needed"),
        (2, "60"),
        (3, "isn't in the ZIP"),
        (4, "Only JPEG"),
        (5, "isn't in"),
        (6, "isn't in"),
    ):
        assert words in said[n], (n, said[n])
    assert (batch.total, batch.state, batches.price(batch)) == (8, "queued", 2)
    assert CreditHold.select().count() == 0


def test_photos_are_found_in_any_case_and_none_that_is_there_twice(template, at, tmp_path):
    photos = a_zip(tmp_path, **{"a/Jose\u0301_jpg": FACE, "one/x_jpg": FACE, "two/X_JPG": FACE})
    batch = bring(template, a_table("José,jos\u00e9.JPG", "Xaver,x.jpg"), photos, by=at("bob"))
    assert told(batch)[0] == ("waiting", None)
    assert "twice" in told(batch)[1][1]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        (a_table("Ada", head="Something"), "no column “Your name”"),
        (a_table(*["Ada"] * (bringing.MOST + 1), head="Your name"), "501 rows"),
        (a_table(head="Your name"), "no rows"),
        (a_table("\0\1\2"), "isn't a text file"),
        (a_table("x" * bringing.TABLE), "at most 5 MB"),
    ],
)
def test_a_table_that_cant_be_read_is_refused_whole(template, at, table, said):
    with pytest.raises(Invalid, match=said):
        bring(template, table, by=at("bob"))
    assert FlyerBatch.select().count() == 0


def test_what_is_no_zip_is_refused(template, at, tmp_path):
    (tmp_path / "x.zip").write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(Invalid, match="no ZIP"):
        bring(template, a_table("Ada,"), tmp_path / "x.zip", by=at("bob"))


def test_a_list_of_files_without_end_is_refused_before_it_is_read(template, at, tmp_path, monkeypatch):
    photos = a_zip(tmp_path, a_jpg=FACE, b_jpg=FACE)
    monkeypatch.setattr(bringing, "DIRECTORY", 60)
    monkeypatch.setattr(bringing.zipfile, "ZipFile", None)
    with pytest.raises(Invalid, match="far more"):
        bringing.Photos(photos)


def test_what_many_photos_unpack_to_is_bounded_together(template, at, tmp_path, monkeypatch):
    padded = FACE + bytes(200_000)  # a picture to whoever reads it, and next to nothing packed
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for n in range(5):
            packed.writestr(f"{n}.jpg", padded + bytes([n]))
    monkeypatch.setattr(bringing, "PHOTOS", 3 * len(padded) + 100)
    batch = bring(template, a_table(*[f"Ada,{n}.jpg" for n in range(5)]), path, by=at("bob"))
    assert [state for state, _ in told(batch)] == ["waiting"] * 3 + ["failed"] * 2
    assert "Bring them in parts" in told(batch)[4][1]
    assert batches.photos_of(batch).stat().st_size < 4 * len(padded)


def test_a_photo_packed_in_a_way_that_unpacks_without_bound_is_left_out(template, at, tmp_path):
    path = tmp_path / "photos.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as packed:
        packed.writestr("a.jpg", FACE)
    assert "unusual" in told(bring(template, a_table("Ada,a.jpg"), path, by=at("bob")))[0][1]


def test_on_a_disk_that_is_nearly_full_nothing_is_brought(template, at, tmp_path, monkeypatch):
    monkeypatch.setattr(batches.flyers, "FREE", 2**62)
    with pytest.raises(batches.NoRoom):
        bring(template, a_table("Ada,a.jpg"), a_zip(tmp_path, a_jpg=FACE), by=at("bob"))
    assert FlyerBatch.select().count() == 0


def test_a_photo_that_many_rows_name_is_looked_at_once(template, at, tmp_path, monkeypatch):
    looked, check = [], bringing.gate.check
    monkeypatch.setattr(bringing.gate, "check", lambda data: looked.append(1) or check(data))
    table = a_table(*["Ada,a.jpg"] * 20, *["Bea,none.jpg"] * 20)
    batch = bring(template, table, a_zip(tmp_path, a_jpg=FACE), by=at("bob"))
    assert (len(looked), batches.price(batch)) == (1, 20)


def test_photos_whose_organization_is_gone_go_too(template, at, tmp_path, clock):
    batch = bring(template, a_table("Ada,a.jpg"), a_zip(tmp_path, a_jpg=FACE), by=at("bob"))
    write(FlyerBatch.delete().execute)
    stamp = now().timestamp()
    os.utime(batches.photos_of(batch), (stamp, stamp))
    clock.forward(days=20)
    batches.drop_old()
    assert batches.photos_of(batch).exists()
    clock.forward(days=2)
    batches.drop_old()
    assert not batches.photos_of(batch).exists()


def test_who_only_looks_brings_nothing_and_a_draft_has_no_batch(template, at, cast):
    with pytest.raises(Forbidden):
        bring(template, a_table("Ada,"), by=at("vera"))


def test_one_that_nobody_begins_goes_after_a_week(template, at, tmp_path, clock):
    batch = bring(template, a_table("Ada,a.jpg"), a_zip(tmp_path, a_jpg=FACE), by=at("bob"))
    clock.forward(days=6)
    assert (batches.drop_old(), batches.photos_of(batch).exists()) == (0, True)
    clock.forward(days=2)
    assert (batches.drop_old(), batches.photos_of(batch).exists()) == (1, False)
    assert FlyerBatch.select().count() == 0


def test_one_that_is_begun_while_it_is_let_go_of_keeps_its_photos(template, at, tmp_path, clock, monkeypatch):
    batch = bring(template, a_table("Ada,a.jpg"), a_zip(tmp_path, a_jpg=FACE), by=at("bob"))
    clock.forward(days=8)
    drop = batches._drop_unbegun

    def begun_first(found):
        write(FlyerBatch.update(state="running").execute)
        return drop(found)

    monkeypatch.setattr(batches, "_drop_unbegun", begun_first)
    assert batches.drop_old() == 0
    assert (FlyerBatch.select().count(), batches.photos_of(batch).exists()) == (1, True)

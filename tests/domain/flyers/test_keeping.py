import io
from datetime import timedelta

import pytest
from PIL import Image

import jobs
from database.clock import now
from domain import Forbidden
from domain.files import gate, stores
from domain.flyers import keeping
from models import Flyer, FlyerPicture, FlyerTemplate, FlyerVersion, Organization, User
from tests.fixtures.flyers import again, corners, design, make_flyer, make_version, portrait, saved
from tests.fixtures.threads import write


@pytest.fixture
def version(inside_acme):
    return make_version()


@pytest.fixture
def ready(version):
    """Two flyers that were drawn."""
    made = [make_flyer(version, name, photo=saved(portrait())) for name in ("Ada", "Eva")]
    jobs.run("flyers")
    return [again(flyer) for flyer in made]


def lying():
    """How many files of flyers lie in the store."""
    return sum(file.is_file() for file in (stores.active().folder / "flyers").rglob("*"))


def gone(flyer, state, why=None):
    flyer = again(flyer)
    assert (flyer.state, flyer.why) == (state, why)
    assert not any((flyer.file, flyer.og, flyer.thumb, flyer.photo, flyer.fields, flyer.crop, flyer.email))
    assert flyer.forgotten_at is not None
    return True


def down(monkeypatch):
    class Down:
        def remove(self, key):
            raise stores.StoreDown

    monkeypatch.setattr(stores, "active", Down)


# --- hard case 23: files go on every way, and a sweep finds nothing ----------------------------------------------


def test_hard_case_22_deleted_is_gone_at_once_and_once(ready):
    flyer, other = ready
    kept = flyer.file
    assert keeping.end(flyer, "removed", "owner")
    assert not keeping.end(flyer, "removed", "organizer"), "the first who ends it says why"
    assert gone(flyer, "removed", "owner")
    assert keeping.read(again(flyer), kept) is None
    assert (lying(), keeping.sweep()) == (3, 0)
    assert again(other).state == "ready"


def test_hard_case_23_expiry_takes_the_files_along(clock, ready):
    flyer, other = ready
    write(Flyer.update(expires_at=now() + timedelta(days=60)).where(Flyer.id == other.id).execute)
    clock.forward(days=31)
    assert jobs.run("flyer_files") == 1
    assert gone(flyer, "expired")
    assert again(other).state == "ready"
    assert (lying(), keeping.sweep()) == (3, 0)


def test_one_that_waits_for_a_decision_goes_when_its_time_is_over(clock, ready):
    write(Flyer.update(state="flagged").where(Flyer.id == ready[0].id).execute)
    clock.forward(days=31)
    jobs.run("flyer_files")
    assert gone(ready[0], "removed", "moderation")


def test_hard_case_23_a_template_that_is_cleared_takes_the_files_of_its_flyers_along(ready, version):
    other = make_flyer(make_version(), "Ida")
    jobs.run("flyers")
    assert write(keeping.clear_template, version.template) == 2
    assert keeping.read(again(ready[0]), ready[0].file) is None, "at once, whenever the files go"
    assert jobs.run("flyer_files") == 2
    assert gone(ready[0], "removed", "template")
    assert again(other).state == "ready"
    assert (lying(), keeping.sweep()) == (3, 0)


def test_hard_case_23_an_organization_that_is_deleted_takes_its_flyers_along(cast, ready):
    write(Organization.update(status="deleted").where(Organization.id == cast.acme.id).execute)
    assert jobs.run("flyer_files") == 2
    assert gone(ready[1], "removed", "organizer")
    assert (lying(), keeping.sweep()) == (0, 0)


def test_hard_case_23_an_account_that_is_deleted_takes_its_flyers_along(cast, ready):
    write(Flyer.update(user=cast.vera).where(Flyer.id == ready[0].id).execute)
    write(User.update(status="deleted").where(User.id == cast.vera.id).execute)
    assert jobs.run("flyer_files") == 1
    assert gone(ready[0], "removed", "account")
    assert again(ready[1]).state == "ready"


def test_a_store_that_is_down_lets_go_later(ready, monkeypatch):
    with monkeypatch.context() as then:
        down(then)
        assert keeping.end(ready[0], "removed", "owner"), "the visitor needn't wait for it"
    assert (again(ready[0]).forgotten_at, lying()) == (None, 6)
    assert jobs.run("flyer_files") == 1
    assert gone(ready[0], "removed", "owner")
    assert lying() == 3


def test_a_crash_between_row_and_files_is_repeated(ready, monkeypatch):
    with monkeypatch.context() as then:
        then.setattr(keeping, "forget_flyer", lambda flyer: None)
        keeping.end(ready[0], "removed", "owner")
    assert lying() == 6
    jobs.run("flyer_files")
    assert (lying(), keeping.sweep()) == (3, 0)


def test_the_sweep_finds_what_was_put_after_a_flyer_ended(ready):
    keeping.end(ready[0], "removed", "owner")
    keeping.put(ready[0].public_id, "file", b"late")
    keeping.put(ready[1].public_id, "photo", b"not removed")
    assert (keeping.sweep(), keeping.sweep(), lying()) == (2, 0, 3)


def test_the_sweep_tells_of_files_that_are_missing_and_takes_nothing_for_it(ready, caplog):
    stores.active().remove(keeping._file_key(ready[0].public_id, "file"))
    assert keeping.sweep() == 0
    assert "a flyer's file is missing" in caplog.text
    assert again(ready[0]).state == "ready"


# --- pictures of templates ---------------------------------------------------------------------------------------


def test_a_picture_is_kept_once_drawn_anew_without_anything_else(at, inside_acme):
    exif = Image.Exif()
    exif[0x010E] = "secret words"
    data = saved(corners((3000, 2000)), exif=exif)
    one, other = (keeping.add_picture(data, by=at("bob")) for _ in range(2))
    assert (one.id, one.width, one.height, one.type) == (other.id, 2160, 1440, "image/jpeg")
    kept = keeping.picture(inside_acme.id, one.sha256)
    assert b"secret" not in kept
    assert Image.open(io.BytesIO(kept)).size == (2160, 1440)
    assert [picture.id for picture in keeping.pictures()] == [one.id]


def test_a_picture_with_holes_stays_one(at, inside_acme):
    clear = Image.new("RGBA", (300, 300), (255, 0, 0, 0))
    made = keeping.add_picture(saved(clear, "PNG"), by=at("bob"))
    assert made.type == "image/png"
    assert Image.open(io.BytesIO(keeping.picture(inside_acme.id, made.sha256))).getpixel((9, 9))[3] == 0


def test_who_only_looks_puts_no_pictures_and_a_damaged_one_is_refused(at, inside_acme):
    with pytest.raises(Forbidden):
        keeping.add_picture(saved(corners()), by=at("vera"))
    for data in (b"GIF89a", saved(portrait(), "PNG")[:5000]):
        with pytest.raises(gate.NoPhoto):
            keeping.add_picture(data, by=at("bob"))
    assert FlyerPicture.select().count() == 0


def test_a_picture_that_no_template_names_goes_after_a_day(clock, at, inside_acme):
    drafted, published, free = (
        keeping.add_picture(saved(Image.new("RGB", (300, 300), colour)), by=at("bob"))
        for colour in ("red", "blue", "tan")
    )
    named = {"file": drafted.sha256, "colour": "#000000"}
    write(FlyerTemplate.create, name="T", draft=design(background=named))
    template = write(FlyerTemplate.create, name="U", draft=design())
    write(FlyerVersion.create, template=template, number=1, spec={}, files=[published.sha256], renderer=1)
    assert jobs.run("flyer_files") == 0, "somebody may be at it"
    clock.forward(days=2)
    assert jobs.run("flyer_files") == 1
    assert {picture.id for picture in keeping.pictures()} == {drafted.id, published.id}
    assert keeping.picture(inside_acme.id, free.sha256) is None
    assert keeping.picture(inside_acme.id, drafted.sha256)


def test_a_picture_that_the_store_didnt_take_is_offered_to_nobody_and_goes(inside_acme, at, clock, monkeypatch):
    class Down:
        def put(self, key, file):
            raise stores.StoreDown

    with monkeypatch.context() as then:
        then.setattr(stores, "active", Down)
        with pytest.raises(stores.StoreDown):
            keeping.add_picture(saved(corners()), by=at("alice"))
    assert keeping.pictures() == []
    kept = keeping.add_picture(saved(corners()), by=at("alice"))
    assert keeping.pictures() == [kept]

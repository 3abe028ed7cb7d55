"""The picture of an event: drawn anew, one at a time, and gone with what it stood on."""

import io
import random
from datetime import timedelta

import pytest
from PIL import Image

from domain import Forbidden, Invalid, NotFound, Refused
from domain.base import settings
from domain.events import events
from domain.events.carriers import covers
from domain.lists import attachments
from models import AuditEvent, Event, StoredFile
from tests.fixtures.events import make_event
from tests.fixtures.flyers import corners, saved


@pytest.fixture
def event(clock, inside_acme, at):
    return make_event(at("alice"))[0]


def test_a_photo_becomes_a_small_picture_of_its_middle_without_what_else_it_told(event, at):
    exif = Image.Exif()
    exif[0x010E] = "taken at home"
    covers.put(event.id, saved(corners((1600, 1200)), exif=exif), "hall.jpg", by=at("alice"))
    sha256, data = covers.content(event.id)
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size, len(picture.getexif())) == ("WEBP", covers.SIZE, 0)
    assert covers.of(event.id).sha256 == sha256
    assert AuditEvent.select().where(AuditEvent.action == "event.pictured").count() == 1


def test_of_a_larger_photo_a_larger_one_is_kept_for_what_is_drawn_of_it(event, at):
    for size, kept in (((1600, 1200), (1600, 800)), ((4000, 3000), (2160, 1080)), ((900, 600), covers.SIZE)):
        covers.put(event.id, saved(corners(size)), "hall.jpg", by=at("alice"))
        for large, expected in ((False, covers.SIZE), (True, kept)):
            with Image.open(io.BytesIO(covers.content(event.id, large)[1])) as picture:
                assert picture.size == expected
    covers.remove(event.id, by=at("alice"))
    with pytest.raises(NotFound):
        covers.content(event.id, large=True)


def test_also_what_can_hardly_be_packed_keeps_the_page_light(event, at):
    noise = Image.frombytes("RGB", (1100, 560), random.Random(3).randbytes(1100 * 560 * 3))
    covers.put(event.id, saved(noise), "noise.jpg", by=at("alice"))
    assert covers.of(event.id).size <= covers.MOST


def test_the_next_one_takes_its_place_and_what_was_goes_with_the_purge(event, at, clock):
    covers.put(event.id, saved(corners((900, 600))), "one.jpg", by=at("alice"))
    covers.put(event.id, saved(corners((600, 900))), "two.jpg", by=at("alice"))
    assert covers.of(event.id).name == "two.jpg"
    covers.remove(event.id, by=at("alice"))
    with pytest.raises(NotFound):
        covers.remove(event.id, by=at("alice"))
    with pytest.raises(NotFound):
        covers.content(event.id)
    clock.forward(days=31)
    while attachments.purge(10):
        pass
    assert StoredFile.select().count() == 0


def test_a_copy_has_it_too_and_an_organization_without_room_none(event, at):
    covers.put(event.id, saved(corners()), "hall.jpg", by=at("alice"))
    events.copy(event.id, event.starts_at + timedelta(days=30), by=at("alice"))
    copied = Event.select().order_by(Event.id.desc()).get()
    assert covers.content(copied.id) == covers.content(event.id)
    covers.remove(event.id, by=at("alice"))
    assert covers.of(copied.id) is not None
    settings.change("files_mb", "0", by=at("alice").user)
    with pytest.raises(Refused, match="no room"):
        covers.put(event.id, saved(corners()), "hall.jpg", by=at("alice"))


def test_what_is_no_photo_and_who_may_not_write_change_nothing(event, at):
    for data in (b"", b"%PDF-1.7", saved(corners((100, 100)))):
        with pytest.raises(Invalid) as refusal:
            covers.put(event.id, data, "x", by=at("alice"))
        assert list(refusal.value.fields) == ["photo"]
    with pytest.raises(Forbidden):
        covers.put(event.id, saved(corners()), "x", by=at("vera"))
    assert StoredFile.select().count() == 0

"""The logo of an organization: whole, on white, small, and nothing else of what was sent."""

import dataclasses
import io

import pytest
from PIL import Image

from domain import Forbidden, Invalid, NotFound
from domain.base import configuration
from domain.organizations import logos, organizations
from models import AuditEvent, Organization, StoredFile
from tests.fixtures.flyers import saved


def wide():
    """Green, four times as wide as high."""
    return saved(Image.new("RGB", (1200, 300), "#00ff00"), "PNG")


def test_all_of_it_is_drawn_on_white_and_stands_beside_the_name(inside_acme, at):
    logos.put(wide(), "acme.png", by=at("alice"))
    sha256, data = logos.content(inside_acme)
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("WEBP", logos.SIZE)
        middle, above = (picture.convert("RGB").getpixel(place) for place in ((4, 128), (128, 20)))
    assert middle[1] > 230
    assert middle[0] < 60
    assert min(above) > 240
    assert Organization.get_by_id(inside_acme.id).logo == sha256
    assert organizations.reach(at("bob").user, "acme").organization.logo == sha256
    assert {one.name: one.logo for one in organizations.of(at("bob").user)}["Acme"] == sha256
    assert AuditEvent.select().where(AuditEvent.action == "organization.pictured").count() == 1


def test_letters_show_it_by_an_address_that_mail_programs_take(inside_acme, at):
    emblem = lambda: logos.emblem(Organization.get_by_id(inside_acme.id))  # noqa: E731
    logos.put(wide(), "acme.png", by=at("alice"))
    assert emblem() is None  # they fetch by HTTPS alone
    configuration.use(dataclasses.replace(configuration.active, site_url="https://hall.test"))
    src = f"https://hall.test/organizations/{inside_acme.public_id}/logo.png?{logos.sha256()[:12]}"
    assert emblem() == {"src": src, "name": "Acme"}
    logos.remove(by=at("alice"))
    assert emblem() is None


def test_another_takes_its_place_and_it_is_taken_away(inside_acme, at):
    logos.put(wide(), "acme.png", by=at("alice"))
    logos.put(saved(Image.new("RGB", (300, 300), "#ff0000")), "red.jpg", by=at("alice"))
    assert StoredFile.select().where(StoredFile.archived_at.is_null()).count() == 1
    logos.remove(by=at("alice"))
    assert Organization.get_by_id(inside_acme.id).logo is None
    with pytest.raises(NotFound):
        logos.remove(by=at("alice"))
    with pytest.raises(NotFound):
        logos.content(inside_acme)


def test_what_is_no_picture_and_who_may_not_change_the_organization_change_nothing(inside_acme, at):
    with pytest.raises(Invalid) as refusal:
        logos.put(b"%PDF-1.7", "x", by=at("alice"))
    assert list(refusal.value.fields) == ["photo"]
    with pytest.raises(Forbidden):
        logos.put(wide(), "x", by=at("bob"))
    assert StoredFile.select().count() == 0

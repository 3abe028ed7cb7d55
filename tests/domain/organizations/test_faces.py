"""The picture of a person: its middle alone, and for the people who work with them."""

import io

import pytest
from PIL import Image

from database.scope import inside
from domain import Invalid, NotFound
from domain.organizations import faces
from domain.people import accounts
from models import AuditEvent, Organization, Profile, StoredFile, User
from tests.fixtures.flyers import saved


def banner():
    """Red, with a green square in its middle."""
    drawn = Image.new("RGB", (900, 300), "#ff0000")
    drawn.paste("#00ff00", (300, 0, 600, 300))
    return saved(drawn, "PNG")


def address(person):
    return Profile.get(Profile.user == person).avatar_url


def test_its_middle_is_drawn_and_seen_by_colleagues_and_staff(cast):
    bob = User.get_by_id(cast.bob.id)
    faces.put(bob, banner(), "bob.png")
    sha256, data = faces.content(bob.public_id, bob)
    with Image.open(io.BytesIO(data)) as picture:
        assert (picture.format, picture.size) == ("WEBP", faces.SIZE)
        assert all(picture.convert("RGB").getpixel((x, 64))[1] > 230 for x in (6, 64, 121))
    assert address(bob) == f"/files/faces/{bob.public_id}?{sha256[:12]}"
    assert faces.content(bob.public_id, cast.alice) == (sha256, data)
    assert faces.content(bob.public_id, cast.stella, sees_all=True) == (sha256, data)
    with pytest.raises(NotFound):
        faces.content(bob.public_id, cast.charlie)
    with pytest.raises(NotFound):
        faces.content("nobody", cast.alice)
    assert AuditEvent.select().where(AuditEvent.action == "auth.user.updated").count() == 1


def test_another_takes_its_place_and_it_is_taken_away(cast):
    faces.put(cast.bob, banner(), "bob.png")
    faces.put(cast.bob, saved(Image.new("RGB", (300, 300), "#0000ff")), "blue.jpg")
    with inside(Organization.get(Organization.owner == cast.bob, Organization.is_personal)):
        assert StoredFile.select().where(StoredFile.archived_at.is_null()).count() == 1
    faces.remove(cast.bob)
    assert address(cast.bob) is None
    for again in (lambda: faces.remove(cast.bob), lambda: faces.content(cast.bob.public_id, cast.bob)):
        with pytest.raises(NotFound):
            again()


def test_what_is_no_picture_changes_nothing(cast):
    with pytest.raises(Invalid) as refusal:
        faces.put(cast.bob, b"%PDF-1.7", "x")
    assert list(refusal.value.fields) == ["photo"]
    assert address(cast.bob) is None


def test_it_goes_with_the_account(proven, cast):
    bob = cast.bob
    faces.put(bob, banner(), "bob.png")
    proven("bob", "account.delete", bob.id)
    accounts.delete(bob)
    assert address(bob) is None
    with pytest.raises(NotFound):
        faces.content(bob.public_id, cast.alice)

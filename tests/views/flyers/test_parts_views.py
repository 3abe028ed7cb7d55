from domain.flyers import keeping
from tests.fixtures.flyer_pages import a_version
from tests.fixtures.flyers import corners, saved


def test_only_pictures_that_a_version_names_are_given(inside_acme, at, browse):
    named, other = (keeping.add_picture(saved(corners(size)), by=at("alice")) for size in ((800, 600), (400, 400)))
    version = a_version(background={"file": named.sha256, "colour": "#ffffff"})
    stranger = browse(None)
    there = f"/flyers/spec/{version.id}"
    given = stranger.get(f"{there}/{named.sha256}")
    assert (given.status_code, given.mimetype) == (200, "image/jpeg")
    assert given.headers["Cache-Control"].endswith("immutable")
    for missing in (f"{there}/{other.sha256}", f"{there}/sample.png", "/flyers/spec/999.json", f"{there}/{'0' * 64}"):
        assert stranger.get(missing).status_code == 404, missing
    sample = stranger.get(f"{there}/sample.jpg")
    assert (sample.status_code, sample.mimetype, sample.data[:2]) == (200, "image/jpeg", b"\xff\xd8")

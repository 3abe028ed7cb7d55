import io
import re

import pytest
from PIL import Image

from database.scope import inside
from domain.events import passes
from domain.events.carriers import covers, prints
from tests.fixtures.doors import an_event, passes_of
from tests.fixtures.events import make_event
from tests.fixtures.flyers import CORNERS, corners, saved


@pytest.fixture
def ada(cast, clock):
    """(her pass, its address)."""
    with inside(cast.acme):
        one = passes_of(an_event(), ["Ada"])[0]
        return one, passes.address(one)


def test_wallets_are_offered_only_where_they_are_set_up(ada, browse):
    client = browse(None)
    assert "Wallet" not in client.get(ada[1]).text
    assert client.get(ada[1] + "/ticket.pkpass").status_code == 404
    assert client.post(ada[1] + "/google").status_code == 404


def test_a_link_to_an_event_has_a_picture_in_any_script(clock, inside_acme, at, browse):
    event, _ = make_event(at("alice"), title="ليلة الجاز 🎷 爵士之夜 " + "long " * 30)
    answer = browse(None).get(f"/e/{event.slug}/share.png")
    assert (answer.status_code, answer.mimetype) == (200, "image/png")
    with Image.open(io.BytesIO(answer.data)) as picture:
        assert picture.size == (1200, 630)
        assert len(set(picture.convert("L").tobytes())) > 50  # something is drawn
    assert browse(None).get("/e/nothing/share.png").status_code == 404
    prints.press.end()


@pytest.mark.parametrize("title", ["Jazz", "ليلة الجاز 🎷 爵士之夜 " + "long " * 30])
def test_and_its_own_picture_above_its_words_where_it_has_one(clock, inside_acme, at, browse, title):
    event, _ = make_event(at("alice"), title=title)
    before = og_image(browse(None).get(f"/e/{event.slug}").text)
    covers.put(event.id, saved(corners((1000, 500))), "hall.jpg", by=at("alice"))
    assert og_image(browse(None).get(f"/e/{event.slug}").text) != before, "whoever kept the old one asks anew"
    answer = browse(None).get(f"/e/{event.slug}/share.png")
    assert (answer.status_code, answer.mimetype) == (200, "image/jpeg")
    assert len(answer.data) < 250_000
    with Image.open(io.BytesIO(answer.data)) as picture:
        assert (picture.format, picture.size) == ("JPEG", (1200, 630))
        for place, corner in zip(((100, 80), (1100, 80), (100, 250), (1100, 250)), CORNERS, strict=True):
            assert picture.getpixel(place) == pytest.approx(corner, abs=20)
        words = picture.convert("L").crop((60, 310, 1140, 620))
        assert words.getextrema()[0] < 60
        assert words.crop((0, 300, 1080, 310)).getextrema()[0] > 200, "they end above the edge"
    prints.press.end()


def og_image(page):
    return re.search(r'property="og:image" content="([^"]+)', page)[1]

import io

import pytest
from PIL import Image

from database.scope import inside
from domain.events import passes
from domain.events.carriers import prints
from tests.fixtures.doors import an_event, passes_of
from tests.fixtures.events import make_event


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

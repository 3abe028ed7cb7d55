"""Answers that wait, as who makes links sees them: let in, thrown away, taken back."""

import json
import re

from database.scope import inside
from models import PublicAnswer, PublicLink, Record
from tests.fixtures.public import sent
from tests.views.records.test_public_views import at_door, made, records, states  # noqa: F401


def test_somebody_lets_in_throws_away_and_takes_back(made, browse, cast, at, clock):  # noqa: F811
    link, _, known, _ = made
    client, alice = browse(), browse("alice")
    for number in range(2):
        at_, stamp = at_door(client, link)
        clock.forward(seconds=5)
        client.post(at_, data=sent(stamp, **{known["Name"]: f"Lamp {number}"}) | {"proof": ""})
    here = f"/acme/public-links/{link.id}/answers"
    page = alice.get(here).text
    assert re.search(r'class="row-title"[^>]*>Lamp 0</a>', page)
    assert "ran no script" in page
    with inside(cast.acme):
        one, two = (row.id for row in PublicAnswer.select().order_by(PublicAnswer.id))
    assert "Lamp 1" in alice.get(f"{here}/{two}").text
    for _ in range(2):
        alice.post(f"{here}/{one}/admission")
    assert [next(v for v in cells.values() if isinstance(v, str)) for cells in records(cast)] == ["Lamp 0"]
    alice.post(f"{here}/{two}/removal")
    assert [state for state, _ in states(cast)] == ["in", "thrown"]
    alice.post(f"{here}/{two}/return")
    alice.post(f"{here}/{one}/return")
    assert [state for state, _ in states(cast)] == ["held", "held"]
    with inside(cast.acme):
        assert Record.get().archived_at is not None
        assert PublicLink.get().taken == 0
        assert json.loads(PublicAnswer.get_by_id(one).words)[known["Name"]] == ["Lamp 0"]
    for path in (here, f"{here}/{one}"):
        assert browse("vera").get(path).status_code == 403, path
        assert browse("charlie").get(path).status_code == 404, path

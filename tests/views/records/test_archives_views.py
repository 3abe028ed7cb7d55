"""Tables taken out as a ZIP and brought in again, by plain forms."""

import io

from database.scope import inside
from domain.lists import rows
from domain.records import collections, listings
from domain.records.archives import leaving, returning
from models import Collection


def test_a_table_goes_out_and_comes_back(browse, cast, at):
    with inside(cast.acme):
        made = collections.make("Things", by=at("alice"))
        rows.create(listings.of(made, at("alice")), {"f1": "Bolt"}, by=at("alice"))
    alice, here = browse("alice"), "/acme/records/archives"
    assert f'href="{here}"' in alice.get("/acme/records").get_data(True)
    refused = alice.post(here, data={})
    assert (refused.status_code, "Choose one to 50 tables." in refused.text) == (422, True)
    assert alice.get(f"{here}/newest.zip").status_code == 404
    assert alice.post(here, data={"table": "things"}).status_code == 303
    assert "The ZIP is being made." in alice.get(here).text
    leaving.work()
    assert "The ZIP is there." in alice.get(here).text
    with alice.get(f"{here}/newest.zip") as answer:
        data = answer.data
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert f'action="{here}/imports"' in alice.get(here).text
    sent = alice.post(f"{here}/imports", data={"file": (io.BytesIO(data), "tables.zip")})
    assert sent.status_code == 303
    returning.work()
    assert "among your tables" in alice.get(here).text
    assert "Bolt" in alice.get("/acme/records/things-2").text
    bad = alice.post(f"{here}/imports", data={"file": (io.BytesIO(b"x"), "tables.zip")})
    assert (bad.status_code, "This is no whole ZIP of tables" in bad.text) == (422, True)
    assert alice.post(f"{here}/imports", data={}).status_code == 422
    with inside(cast.acme):
        assert Collection.select().count() == 2
    for who in ("bob", "vera"):
        assert browse(who).get(f"{here}/newest.zip").status_code == 403

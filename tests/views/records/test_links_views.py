"""Links between rows, through the pages: chosen by typing, made in place, and the other side of them."""

import io

import pytest
from PIL import Image

import jobs
from database.scope import inside
from domain.lists import rows
from domain.records import collections, listings
from models import Record

HTMX = {"HX-Request": "true"}


@pytest.fixture
def linked(cast, at):
    """Sponsors (f1 Name) and Things (f2 Name, f3 Sponsor, f4 Helpers); one sponsor with a thing."""
    with inside(cast.acme):
        by = at("alice")
        sponsors = collections.make("Sponsors", by=by)
        collections.make("Things", by=by)
        to = {"table": str(sponsors.id), "back": "Lent things"}
        collections.add_field("things", "Sponsor", "link", by=by, options=to)
        collections.add_field("things", "Helpers", "links", by=by, options=to)
        sponsor = rows.create(listings.find("sponsors", by), {"f1": "Lumen & Sons"}, by=by).id
        thing = rows.create(listings.find("things", by), {"f2": "Lamp", "f3": "Lumen & Sons"}, by=by).id
        return sponsor, thing


def test_a_link_is_made_with_the_table_that_it_points_to(browse, linked, cast):
    alice = browse("alice")
    assert ">Sponsors</option>" in alice.get("/acme/records/things/fields").text
    refused = alice.post("/acme/records/things/fields", data={"label": "Maker", "kind": "link", "stays": "1"})
    assert refused.status_code == 422
    assert "Choose the table" in refused.text
    made = {"label": "Maker", "kind": "link", "table": "1", "stays": "1"}
    assert alice.post("/acme/records/things/fields", data=made).status_code == 303
    assert alice.get("/acme/records/things/fields/5").status_code == 200


def test_what_is_typed_finds_rows_of_the_other_table(browse, linked):
    alice = browse("alice")
    cell = alice.get(f"/acme/records/things/{linked[1]}/cells/f3", headers=HTMX).text
    assert 'hx-get="/acme/records/things/linked/f3"' in cell
    assert 'value="Lumen &amp; Sons"' in cell
    assert 'value="Lumen &amp; Sons"' in alice.get("/acme/records/things/linked/f3?f3=lum", headers=HTMX).text
    several = alice.get("/acme/records/things/linked/f4?f4=Marimba; lu", headers=HTMX).text
    assert 'value="Marimba; Lumen &amp; Sons"' in several
    assert alice.get("/acme/records/things/linked/f2?f2=x").status_code == 404


def test_a_row_that_is_not_there_yet_is_made_and_what_was_typed_stays(browse, linked, cast):
    alice = browse("alice")
    form = {"f2": "Drum", "f3": "Marimba", "f4": "Marimba; Lumen & Sons"}
    refused = alice.post("/acme/records/things", data=form)
    assert refused.status_code == 422
    assert 'formaction="/acme/records/things/linked/f3"' in refused.text
    assert alice.post("/acme/records/things/linked/f3", data=form).status_code == 303
    with inside(cast.acme):
        assert Record.select().count() == 4
    assert "Marimba" in alice.get("/acme/records/things").text
    changed = {"f3": "Öko-Druck", "row": str(linked[1])}
    assert alice.post("/acme/records/things/linked/f3", data=changed).status_code == 303
    assert "Öko-Druck" in alice.get(f"/acme/records/things/{linked[1]}").text


def test_a_row_says_who_points_to_it(browse, linked):
    sponsor, thing = linked
    page = browse("alice").get(f"/acme/records/sponsors/{sponsor}").text
    assert "Lent things" in page
    assert f'href="/acme/records/things/{thing}"' in page
    listed = browse("alice").get(f"/acme/records/things?f3=%23{sponsor}").text
    assert "Lamp" in listed
    assert 'value="Lumen &amp; Sons"' in listed
    assert 'value="Lumen &amp; Sons"' in browse("alice").get(f"/acme/records/things/new?f3=%23{sponsor}").text
    shown = browse("bob").get(f"/acme/records/things/{thing}").text
    assert f'href="/acme/records/sponsors/{sponsor}"' in shown


def test_files_of_a_field_are_put_there_and_stand_in_the_list(browse, linked, cast):
    alice, thing = browse("alice"), linked[1]
    alice.post("/acme/records/things/fields", data={"label": "Photo", "kind": "files"})
    page = alice.get(f"/acme/records/things/{thing}").text
    assert 'name="field" value="f5"' in page
    picture = io.BytesIO()
    Image.new("RGB", (100, 100), "teal").save(picture, "PNG")
    sent = {"field": "f5", "file": (io.BytesIO(picture.getvalue()), "lamp.png")}
    answer = alice.post(f"/acme/records/things/{thing}/files", data=sent, headers=HTMX | {"HX-Target": "row_files"})
    assert "lamp.png" in answer.text
    with inside(cast.acme):
        assert Record.get_by_id(thing).cells.count("[1]") == 2  # the sponsor's number, and the file's
    assert "lamp.png" in alice.get("/acme/records/things").text
    jobs.run("thumbnails")
    assert f'src="/acme/records/things/{thing}/files/1/thumbnail"' in alice.get("/acme/records/things").text
    assert alice.get(f"/acme/records/things/{thing}/files/1/thumbnail").status_code == 200
    refused = alice.post(
        f"/acme/records/things/{thing}/files", data={"field": "f5", "file": (io.BytesIO(b""), "x.txt")}
    )
    assert refused.status_code == 422
    wrong = {"field": "f2", "file": (io.BytesIO(b"x"), "x.txt")}
    assert alice.post(f"/acme/records/things/{thing}/files", data=wrong).status_code == 404

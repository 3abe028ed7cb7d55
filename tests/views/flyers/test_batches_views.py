"""A batch in the browser of who brings it: looked at, begun, watched, fetched."""

import io
import zipfile
from datetime import timedelta

import pytest

import jobs
from database.scope import inside
from models import FlyerBatch
from tests.fixtures.credits import give
from tests.fixtures.flyer_batches import FACE, a_table, a_template

HERE = "/acme/flyers/batches"


@pytest.fixture
def template(clock, inside_acme, at):
    return a_template(at)


def photos():
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        packed.writestr("ada.jpg", FACE)
    data.seek(0)
    return data, "photos.zip"


def test_names_and_photos_become_a_zip(template, browse, cast):
    bob, alice = browse("bob"), browse("alice")
    assert "Bring names and photos" in bob.get(HERE).text
    form = {"template": str(template.id), "file": (a_table("Ada,ada.jpg", "<b>Eve</b>,eve.jpg"), "guests.csv")}
    sent = bob.post(f"{HERE}/new", data=form | {"photos": photos()}, content_type="multipart/form-data")
    assert sent.status_code == 303
    page = bob.get(sent.location).text
    assert "1 of 2 rows can be drawn" in page
    assert ("isn&#39;t in the ZIP" in page, "<b>Eve" in page, "<summary>Its 2 rows" in page) == (True, False, True)
    assert bob.post(f"{sent.location}/start").status_code == 403
    assert browse("charlie").get(sent.location).status_code == 404
    assert browse("vera").get(sent.location).status_code == 403
    assert "flyers/batches" not in browse("vera").get("/acme/flyers/campaigns").text
    assert alice.post(f"{sent.location}/start").status_code == 402
    give(cast.acme, 3)
    assert alice.post(f"{sent.location}/start").status_code == 303
    progress = bob.get(f"{sent.location}/progress").text
    assert ("being drawn" in progress, "<html" in progress) == (True, False)
    assert bob.get(f"{sent.location}/flyers.zip").status_code == 404
    jobs.run("flyer_batch")
    made = bob.get(f"{sent.location}/flyers.zip")
    assert zipfile.ZipFile(io.BytesIO(made.data)).namelist() == ["001-ada.jpg", "errors.csv"]
    made.close()
    page = bob.get(sent.location).text
    assert "1 of 2 pictures are there" in page
    with inside(cast.acme):
        until = FlyerBatch.get().done_at + timedelta(days=7)
    assert f'Its ZIP can be had until <time datetime="{until:%Y-%m-%d}' in page
    assert bob.post(f"{sent.location}/deletion").status_code == 303
    with inside(cast.acme):
        assert FlyerBatch.select().count() == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": None}, "Choose a table first"),
        ({"template": "9" * 40}, "Choose a template"),
        ({"photos": (io.BytesIO(b"nothing"), "x.zip")}, "This is no ZIP"),
        ({"file": (io.BytesIO(b"\xff\xd8\xff"), "x.csv")}, "Save it as CSV"),
    ],
)
def test_what_cant_be_read_is_said_beside_its_field(template, browse, change, said):
    form = {"template": str(template.id), "file": (a_table("Ada,"), "guests.csv")} | change
    sent = {name: value for name, value in form.items() if value}
    answer = browse("bob").post(f"{HERE}/new", data=sent, content_type="multipart/form-data")
    assert (answer.status_code, said in answer.text) == (422, True)

"""The editor of a template, as a form: what a browser without scripts sends, and what the script sends."""

import io
import json

import pytest
from PIL import Image

from database.scope import inside
from domain.events.carriers import covers
from domain.flyers import designs, keeping
from domain.flyers.organizing import drafts, templates
from domain.lists import rows
from models import FlyerTemplate
from tests.domain.flyers.organizing.test_drafts import form_of
from tests.fixtures.events import make_event

JSON = {"Accept": "application/json"}


@pytest.fixture
def template(cast, at):
    with inside(cast.acme):
        return rows.create(templates.rules, {"name": "I'm going"}, by=at("bob"))


@pytest.fixture
def url(template):
    return f"/acme/flyers/templates/{template.id}/edit"


def draft(template, cast):
    with inside(cast.acme):
        return FlyerTemplate.get_by_id(template.id).draft


def png(size=(400, 500)):
    out = io.BytesIO()
    Image.new("RGB", size, "#336699").save(out, "PNG")
    return out.getvalue()


def test_the_form_saves_acts_and_publishes(browse, cast, template, url):
    bob, alice = browse("bob"), browse("alice")
    page = bob.get(url).text
    assert 'name="slots.1.box.0"' in page
    assert "Publish" not in page  # who may not isn't asked
    design = draft(template, cast)
    form = form_of(design) | {"seen": drafts.mark(design), "slots.1.box.0": "77", "background.colour": "#000001"}
    assert bob.post(url, data=form).status_code == 303
    kept = draft(template, cast)
    assert (kept["slots"][1]["box"][0], kept["background"]["colour"]) == (77, "#000001")
    form = form_of(kept) | {"seen": drafts.mark(kept)}
    assert bob.post(url, data=form | {"act": "add qr"}).status_code == 303
    assert draft(template, cast)["slots"][-1]["kind"] == "qr"
    form = form_of(draft(template, cast)) | {"seen": "", "act": "publish"}
    assert bob.post(url, data=form).status_code == 403
    assert alice.post(url, data=form).status_code == 303
    with inside(cast.acme):
        assert templates.one(template.id).live_version == 1


def test_what_is_refused_comes_back_with_what_was_typed(browse, cast, template, url):
    bob, design = browse("bob"), draft(template, cast)
    form = form_of(design) | {"slots.1.box.0": "5000", "slots.1.label": "Who <b>goes</b>"}
    answer = bob.post(url, data=form)
    assert answer.status_code == 422
    assert "within the picture of 1,080 × 1,350 pixels" in answer.text
    assert 'value="5000"' in answer.text
    assert "Who &lt;b&gt;goes" in answer.text
    assert draft(template, cast) == design


def test_who_saves_over_somebody_elses_change_is_asked(browse, cast, template, url):
    bob, design = browse("bob"), draft(template, cast)
    form = form_of(design) | {"seen": drafts.mark(design)}
    assert browse("alice").post(url, data=form | {"background.colour": "#aaaaaa"}).status_code == 303
    mine = form | {"background.colour": "#bbbbbb"}
    answer = bob.post(url, data=mine)
    assert answer.status_code == 409
    assert "Save mine over it" in answer.text
    assert draft(template, cast)["background"]["colour"] == "#aaaaaa"
    assert bob.post(url, data=mine | {"act": "over"}).status_code == 303
    assert draft(template, cast)["background"]["colour"] == "#bbbbbb"


def test_a_script_saves_the_design_itself_and_is_told_by_place(browse, cast, template, url):
    bob, design = browse("bob"), draft(template, cast)
    sent = design | {"background": {"file": None, "colour": "#010101"}}
    told = bob.post(url, data={"design": json.dumps(sent), "seen": drafts.mark(design)}, headers=JSON)
    assert (told.status_code, told.json["seen"]) == (200, drafts.mark(draft(template, cast)))
    assert all(len(one) == 2 for one in told.json["advice"])
    sent["slots"][1] = sent["slots"][1] | {"box": [0, 0, 0, 0]}
    told = bob.post(url, data={"design": json.dumps(sent)}, headers=JSON)
    assert (told.status_code, list(told.json["fields"])) == (422, ["slots.1.box"])


def test_what_is_no_design_is_refused(browse, cast, template, url):
    for sent in ["[" * 5000, "[]", "{}", "x", "null", '{"v": 1}', '{"v":1,"slots":[{"key":"\\ud800"}]}']:
        design = draft(template, cast)
        assert browse("bob").post(url, data={"design": sent}, headers=JSON).status_code == 422, sent
        assert draft(template, cast) == design, sent


def test_an_act_of_the_script_is_answered_with_the_fields(browse, cast, template, url):
    heads = {"HX-Request": "true", "HX-Target": "editor_parts"}
    sent = {"design": json.dumps(draft(template, cast)), "act": "remove 0"}
    answer = browse("bob").post(url, data=sent, headers=heads)
    assert answer.status_code == 200
    assert 'id="editor_parts"' in answer.text
    assert "<html" not in answer.text
    assert answer.text.count("data-slot=") == len(designs.preset("portrait_circle")["slots"]) - 1


def test_a_picture_is_put_behind_all_and_seen_by_its_organization_alone(browse, cast, template, url):
    bob = browse("bob")
    to = url.replace("/edit", "/pictures")
    data = {"picture": (io.BytesIO(png()), "back.png"), "part": "background"}
    assert bob.post(to, data=data, content_type="multipart/form-data").status_code == 303
    file = draft(template, cast)["background"]["file"]
    seen = bob.get(f"/acme/flyers/pictures/{file}")
    assert (seen.status_code, seen.content_type) == (200, "image/jpeg")
    assert f'value="{file}" checked' in bob.get(url).text
    assert browse("charlie").get(f"/acme/flyers/pictures/{file}").status_code == 404
    assert bob.get("/acme/flyers/pictures/" + "0" * 64).status_code == 404
    preview = bob.get(url.replace("/edit", "/preview.jpg?try=arabic"))
    assert preview.data[:3] == b"\xff\xd8\xff"


def test_the_picture_of_its_event_is_put_behind_all(browse, cast, clock, template, url, at):
    bob, sent = browse("bob"), {"part": "cover"}
    to = url.replace("/edit", "/pictures")
    assert 'value="cover"' not in bob.get(url).text
    assert bob.post(to, data=sent).status_code == 422
    with inside(cast.acme):
        event, _ = make_event(at("alice"))
        templates.bind(template.id, str(event.id), by=at("bob"))
        covers.put(event.id, png(), "hall.png", by=at("alice"))
    assert 'value="cover"' in bob.get(url).text
    assert bob.post(to, data=sent).status_code == 303
    file = draft(template, cast)["background"]["file"]
    with Image.open(io.BytesIO(bob.get(f"/acme/flyers/pictures/{file}").data)) as picture:
        assert picture.size == covers.SIZE


@pytest.mark.parametrize(("data", "part"), [(b"GIF89a", "background"), (b"", "overlay"), (png(), "wall")])
def test_a_picture_that_cannot_be_used_says_why(browse, cast, template, url, data, part):
    form = {"picture": (io.BytesIO(data), "x.png"), "part": part}
    answer = browse("bob").post(url.replace("/edit", "/pictures"), data=form, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert 'role="alert"' in answer.text
    assert draft(template, cast)["background"]["file"] is None


def test_what_is_archived_stays_as_it_is(browse, cast, template, url, at):
    with inside(cast.acme):
        templates.archive(template.id, by=at("alice"))
    design = draft(template, cast)
    bob = browse("bob")
    assert "Take it up again" in bob.get(url).text
    form = form_of(design) | {"background.colour": "#000000"}
    assert bob.post(url, data=form, headers=JSON).status_code == 409
    assert draft(template, cast) == design


def test_a_picture_leaves_what_somebody_else_changed_meanwhile(browse, cast, template, url, at, monkeypatch):
    add, design = keeping.add_picture, draft(template, cast)

    def meanwhile(data, *, by):
        templates.save(template.id, design | {"alt": "Another"}, by=at("alice"))
        return add(data, by=by)

    monkeypatch.setattr(keeping, "add_picture", meanwhile)
    data = {"picture": (io.BytesIO(png()), "back.png"), "part": "overlay"}
    assert browse("bob").post(url.replace("/edit", "/pictures"), data=data).status_code == 303
    kept = draft(template, cast)
    assert kept["alt"] == "Another"
    assert kept["overlay"]["file"]

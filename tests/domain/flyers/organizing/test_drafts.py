"""A draft as a form, and acts that change its slots."""

import pytest

from domain import Invalid
from domain.flyers import designs
from domain.flyers.organizing import drafts


def form_of(design, **more):
    filled = drafts.filled(design)
    for i, slot in enumerate(design["slots"]):
        filled |= {f"slots.{i}.kind": slot["kind"], f"slots.{i}.key": slot["key"]}
    return filled | {"slots": str(len(design["slots"]))} | more


@pytest.mark.parametrize("look", designs.PRESETS)
def test_what_a_form_shows_and_sends_again_is_the_same_design(look):
    design = designs.preset(look)
    assert designs.read(drafts.sent(form_of(design))) == design


def test_every_part_of_every_slot_is_in_the_form():
    kept = designs.preset("square_circle")
    other = {"kind": "qr", "key": "code", "box": [10, 20, 200, 210], "bind": "event.url"}
    photo = kept["slots"][0] | {"shape": "round", "radius": 9, "turn": -7, "required": True, "empty": "none"}
    text = kept["slots"][1] | {
        **{"label": "Line", "font": "noto-sans", "weight": 400, "size": [30, 40], "lines": 3, "leading": 1.35},
        **{"colour": "#102030", "align": "end", "valign": "top", "turn": 12, "max": 77, "required": True, "shadow": 5},
        **{"panel": {"colour": "#aabbcc", "opacity": 5, "pad": 0}, "bind": None, "text": "Hello"},
    }
    text["box"] = [1, 2, 300, 400]
    own = text | {"key": "own", "text": None, "panel": None, "required": False}
    picture = {"file": "a" * 64}
    design = designs.read(
        kept
        | {"slots": [photo, text, own, other], "background": picture | {"colour": "#010203"}, "overlay": picture}
        | {"safe": [1, 2, 3, 4], "languages": ["ar", "zh"], "alt": "{name}", "size": [1000, 1010]}
    )
    assert designs.read(drafts.sent(form_of(design))) == design


@pytest.mark.parametrize(
    ("name", "text", "place"),
    [
        ("slots.1.box.0", "left", "slots.1.box.0"),
        ("slots.1.box.2", "99999", "slots.1.box.0"),
        ("slots.1.size.1", "1", "slots.1.size.0"),
        ("slots.1.leading", "wide", "slots.1.leading"),
        ("slots.1.kind", "film", "slots.1.kind"),
        ("size.0", "", "size.0"),
        ("size.1", "-5", "size.0"),
        ("background.colour", "green", "background.colour"),
        ("slots", "13", "form"),
        ("slots", "10000000000000000000", "form"),
        ("languages", "", "languages"),
    ],
)
def test_what_is_refused_stands_beside_its_field(name, text, place):
    form = form_of(designs.preset("portrait_circle")) | {name: text}
    if name == "slots" and text != "13":
        assert drafts.sent(form)["slots"] == []
        return
    with pytest.raises(Invalid) as refusal:
        designs.read(drafts.sent(form))
    assert place in drafts.beside(refusal.value.fields, form)


def test_acts_add_order_and_remove_slots():
    design = designs.preset("portrait_words")
    keys = [slot["key"] for slot in design["slots"]]
    for kind, _ in drafts.KINDS:
        design = designs.read(drafts.after(design, f"add {kind}"))
    assert [slot["kind"] for slot in design["slots"][-3:]] == ["photo", "text", "qr"]
    design = designs.read(drafts.after(design, "add text"))
    assert design["slots"][-1]["key"] == "text2"
    design = drafts.after(design, "up 1")
    assert [slot["key"] for slot in design["slots"]][:2] == [keys[1], keys[0]]
    assert drafts.after(drafts.after(design, "down 0"), "up 1") == design
    assert drafts.after(design, "up 0") == design
    assert len(drafts.after(design, "remove 0")["slots"]) == len(design["slots"]) - 1
    look = drafts.after(design | {"background": {"file": "b" * 64, "colour": "#123456"}}, "look wide_circle")
    assert (look["size"], look["background"]) == ([1200, 630], {"file": "b" * 64, "colour": "#123456"})


@pytest.mark.parametrize("act", ["remove 99", "remove", "up -1", "add film", "look round", "dance 1", "\0", "remove ²"])
def test_an_act_that_is_none_is_refused(act):
    with pytest.raises(Invalid):
        drafts.after(designs.preset("portrait_circle"), act)

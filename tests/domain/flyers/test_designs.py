import json

import pytest

from domain import Invalid
from domain.flyers import designs

TEXT = {"key": "name", "kind": "text", "box": [60, 900, 900, 100]}


def given(**changes):
    return {"v": 1, "size": [1080, 1350], "slots": [TEXT]} | changes


def refused(changed):
    with pytest.raises(Invalid) as refusal:
        designs.read(changed)
    return refusal.value.fields


@pytest.mark.parametrize("name", designs.PRESETS)
def test_a_preset_is_a_design_that_can_be_published_as_it_is(name):
    design = designs.preset(name)
    assert designs.read(json.dumps(design)) == design, "reading changes nothing that was read"
    assert designs.advice(design) == []


def test_what_is_left_out_is_filled_in():
    design = designs.read(given())
    (slot,) = design["slots"]
    assert (slot["font"], slot["weight"], slot["align"], slot["max"], slot["bind"]) == ("inter", 600, "start", 40, None)
    assert design["background"] == {"file": None, "colour": "#ffffff"}


@pytest.mark.parametrize(
    ("changed", "where"),
    [
        (given(v=2), "v"),
        (given(size=[1080, 1350.5]), "size"),
        (given(size=[100, 1350]), "size"),
        (given(size=[2160, 2160]), "size"),
        (given(slots="x"), "slots"),
        (given(slots=[1]), "slots"),
        (given(slots=[TEXT | {"key": f"k{i}"} for i in range(9)]), "slots"),
        (given(slots=[TEXT | {"key": f"k{i}", "text": "x"} for i in range(13)]), "slots"),
        (given(slots=[{"key": f"p{i}", "kind": "photo", "box": [0, 0, 9, 9]} for i in range(2)]), "slots"),
        (given(slots=[TEXT, TEXT]), "slots.1.key"),
        (given(slots=[TEXT | {"key": "Name"}]), "slots.0.key"),
        (given(slots=[TEXT | {"key": "a" * 25}]), "slots.0.key"),
        (given(slots=[TEXT | {"kind": "video"}]), "slots.0.kind"),
        (given(slots=[TEXT | {"box": [60, 900, 1100, 100]}]), "slots.0.box"),
        (given(slots=[TEXT | {"box": [-1, 900, 100, 100]}]), "slots.0.box"),
        (given(slots=[TEXT | {"box": [0, 0, 10.5, 10]}]), "slots.0.box"),
        (given(slots=[TEXT | {"colour": "red"}]), "slots.0.colour"),
        (given(slots=[TEXT | {"colour": "#FFFFFF"}]), "slots.0.colour"),
        (given(slots=[TEXT | {"size": [50, 40]}]), "slots.0.size"),
        (given(slots=[TEXT | {"font": "comic"}]), "slots.0.font"),
        (given(slots=[TEXT | {"weight": 500}]), "slots.0.weight"),
        (given(slots=[TEXT | {"max": True}]), "slots.0.max"),
        (given(slots=[TEXT | {"leading": 9}]), "slots.0.leading"),
        (given(slots=[TEXT | {"bind": "user.email"}]), "slots.0.bind"),
        (given(slots=[TEXT | {"panel": {"colour": "#000000", "blur": 1}}]), "slots.0.panel.blur"),
        (given(slots=[TEXT | {"href": "x"}]), "slots.0.href"),
        (given(background={"file": "https://example.org/a.png"}), "background.file"),
        (given(overlay={"file": "../a"}), "overlay.file"),
        (given(languages=[]), "languages"),
        (given(safe=[0, 0, 5000, 5]), "safe"),
        (given(alt="x" * 17_000), "design"),
        ("{", "design"),
        ([], "v"),
    ],
)
def test_what_is_no_design_is_refused_with_a_sentence_at_its_place(changed, where):
    sentences = refused(changed)
    assert where in sentences
    assert all(sentence.endswith(".") for sentence in sentences.values())


def test_all_that_is_wrong_is_said_at_once():
    wrong = given(size=[1, 1], slots=[TEXT | {"colour": "red", "max": 0}])
    assert {"size", "slots.0.colour", "slots.0.max"} <= set(refused(wrong))


def test_advice_warns_of_what_people_would_regret_and_stops_what_cannot_work():
    code = {"key": "qr", "kind": "qr", "box": [0, 0, 120, 120]}
    fixed = [TEXT | {"text": "Come!", "size": [12, 20]}, TEXT | {"key": "b", "text": "Bring cake"}, code]
    found = designs.advice(designs.read(given(slots=fixed)))
    assert [sentence.split(":")[0] for stops, sentence in found if stops] == [
        "Nobody has anything to put in",
        "The code is smaller than 150 pixels",
    ]
    assert {sentence.split("”")[-1].split(":")[0] for stops, sentence in found if not stops} == {
        " may become smaller than phones show it",
        " reaches out of the area that every app shows.",
        " lies on another slot.",
    }

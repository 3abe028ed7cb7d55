from types import SimpleNamespace

import pytest

from domain import Invalid
from domain.flyers import designs, plans
from tests.fixtures.flyers import design, slot

# text → size, direction, baseline, and font, direction and left edge of each run
EIGHT = {
    "Amara Okonkwo": (110, "ltr", 948, [("inter-600", "ltr", 102)]),
    "Łukasz Żółć": (110, "ltr", 959, [("inter-600-all", "ltr", 219)]),
    "Ольга Смирнова": (110, "ltr", 948, [("inter-600-all", "ltr", 81)]),
    "مُحَمَّد Smith (DJ)": (110, "rtl", 952, [("arabic", "rtl", 149)]),
    "שלום 42": (110, "rtl", 948, [("hebrew", "rtl", 339)]),
    "क्षत्रिय श्रीकृष्ण": (110, "ltr", 953, [("noto-600", "ltr", 240)]),
    "王秀英": (110, "ltr", 953, [("jp", "ltr", 375)]),
    "สมชาย ใจดี": (110, "ltr", 953, [("thai", "ltr", 298)]),
    "김민준": (110, "ltr", 952, [("kr", "ltr", 388)]),
    "Zoë 🎉": (110, "ltr", 953, [("inter-600", "ltr", 354), ("emoji", "ltr", 586)]),
}


def item(plan, key):
    return next(item for item in plan if item.get("key") == key and item["op"] != "empty")


def refused(design, fields, crop=None):
    with pytest.raises(Invalid) as refusal:
        plans.laid_out(design, fields, crop)
    return refusal.value.fields


@pytest.mark.parametrize("text", EIGHT)
def test_a_name_in_each_script_is_planned_to_the_pixel(text):
    name = item(plans.laid_out(design(), {"name": text}, None), "name")
    (line,) = name["lines"]
    runs = [(run["font"], run["direction"], run["x"]) for run in line["runs"]]
    assert (name["size"], name["direction"], line["y"], runs) == EIGHT[text]
    assert "".join(run["text"] for run in line["runs"]) == text
    assert not name["shortened"]


def test_painted_are_background_photo_overlay_and_then_words_and_codes_as_listed():
    given = design(overlay={"file": "ab" * 32})
    code = {"key": "qr", "kind": "qr", "box": [860, 20, 190, 190], "bind": "share.url"}
    given["slots"] = [code, *given["slots"]]
    plan = plans.laid_out(given, {"name": "Ada"}, {}, share="https://example.org/f/1")
    assert [one["op"] for one in plan] == ["base", "photo", "overlay", "qr", *["text"] * 5]
    assert plan[3]["text"] == "https://example.org/f/1"
    assert plan[1]["crop"] == {"x": 0.5, "y": 0.5, "zoom": 1, "turn": 0}
    assert "qr" not in [one["op"] for one in plans.laid_out(given, {"name": "Ada"}, {})], "a code leads somewhere"


def test_words_of_the_event_stand_where_they_are_bound():
    plan = plans.laid_out(design(), {"name": "Ada", "title": "Mine!"}, None)
    words = {one["key"]: " ".join(r["text"] for line in one["lines"] for r in line["runs"]) for one in plan[2:]}
    assert words["title"] == "Annual Summit of Friends of the Sea"
    assert words["when"] == "Saturday 12 June 2027, 18:00"


def test_without_a_photo_there_are_letters_a_silhouette_or_nothing():
    given = design()
    for empty, name, drawn in (
        ("initials", "Ada Augusta Lovelace", "AL"),
        ("initials", "(Ada)", None),
        ("silhouette", "Ada", None),
    ):
        slot(given, "photo")["empty"] = empty
        plan = plans.laid_out(given, {"name": name}, None)
        assert plan[1]["op"] == "empty"
        assert plan[1]["silhouette"] == (drawn is None)
        assert (plan[2]["lines"][0]["runs"][0]["text"] == drawn) == bool(drawn)
    slot(given, "photo")["empty"] = "none"
    assert plans.laid_out(given, {"name": "Ada"}, None)[1]["key"] == "going"


def test_alignment_follows_the_direction_of_the_words():
    def left(text, align):
        given = design("portrait_words")
        slot(given, "name")["align"] = align
        return item(plans.laid_out(given, {"name": text}, None), "name")["lines"][0]["runs"][0]["x"]

    assert left("Ada", "start") == 60
    assert left("שלום", "end") == 60
    assert left("Ada", "end") > 700
    assert left("שלום", "start") > 700


def test_what_is_missing_too_long_or_cannot_be_drawn_is_said_by_slot():
    assert refused(design(), {"name": " "}) == {"name": "“Your name” is needed for the picture."}
    assert refused(design(), {"name": "x" * 41}) == {"name": "“Your name” can have 40 letters, and this has 41."}
    assert "ᚠ ᚢ" in refused(design(), {"name": "Anna ᚠᚢ"})["name"]
    assert refused(design(), {"name": ["x"]})["name"]


@pytest.mark.parametrize(
    "crop",
    [
        {"x": 2},
        {"zoom": 0.5},
        {"zoom": 99},
        {"turn": "inf"},
        {"x": "nan"},
        {"y": None},
        {"y": []},
        [1],
        {"zoom": 1e999},
    ],
)
def test_a_photo_that_cannot_lie_like_that_is_refused(crop):
    assert "photo" in refused(design(), {"name": "Ada"}, crop)


def test_a_photo_that_is_required_is_asked_for():
    given = design()
    slot(given, "photo")["required"] = True
    assert "photo" in refused(given, {"name": "Ada"})


def test_the_same_words_crop_and_photo_are_the_same_picture_and_nothing_else_is():
    version = SimpleNamespace(id=1, spec=design())
    same = plans.content_hash(version, {"name": "Ada "}, {"x": 0.50001}, "hash")
    assert plans.content_hash(version, {"name": " Ada", "else": "x"}, {"x": 0.5}, "hash") == same
    others = [
        ({"name": "Eva"}, {}, "hash"),
        ({"name": "Ada"}, {"zoom": 2}, "hash"),
        ({"name": "Ada"}, {}, "other"),
    ]
    hashes = {plans.content_hash(version, *other) for other in others}
    hashes.add(plans.content_hash(SimpleNamespace(id=2, spec=design()), {"name": "Ada"}, {}, "hash"))
    assert len(hashes | {same}) == 5


def test_hard_case_06_words_that_were_cut_off_are_remarked():
    given = design()
    slot(given, "name").update(max=60, box=[60, 849, 400, 162])
    plan = plans.laid_out(given, {"name": "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwar"}, None)
    assert plans.remarks(plan) == ["“Your name” is long, so it ends in “…”."]
    assert plans.remarks(plans.laid_out(given, {"name": "Ada"}, None)) == []


def test_a_picture_is_told_in_words():
    assert plans.described(design(), {"name": "Ada"}) == "Ada is going to Annual Summit of Friends of the Sea"


def test_a_panel_lies_behind_the_words_and_within_the_picture():
    panel = item(plans.laid_out(design("portrait_full"), {"name": "Ada"}, None), "name")["panel"]
    x, y, width, height = panel["box"]
    assert 60 < x < 500
    assert width < 400
    assert designs._within(panel["box"], [0, 0, 1080, 1350])
    assert y + height <= slot(design("portrait_full"), "name")["box"][1] + 200

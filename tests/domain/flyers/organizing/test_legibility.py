"""Whether words are read on what lies under them: looked at where they stand, and nowhere else."""

import pytest
from PIL import Image

from domain.flyers import plans
from domain.flyers.organizing import legibility
from tests.fixtures.flyers import design, slot

SAYS = {"event.title": "Jazz Night"}


def faint(under, **changes):
    given = design("portrait_words", bound=SAYS)
    slot(given, "title").update({"shadow": 0, "panel": None, "turn": 0, "colour": "#ffffff"} | changes)
    plan = [item for item in plans.laid_out(given, {"name": "Ada"}, None) if item.get("key") == "title"]
    return legibility.faint(plan, under)


def sheet(colour, box=None, other="#000000"):
    under = Image.new("RGB", (1080, 1350), colour)
    if box:
        under.paste(other, box)
    return under


def test_white_on_white_is_named_and_white_on_black_is_not():
    ((called, contrast),) = faint(sheet("#ffffff"))
    assert contrast == pytest.approx(1)
    assert called
    assert faint(sheet("#000000")) == []
    ((_, contrast),) = faint(sheet("#a0a0a0"))
    assert contrast == pytest.approx(2.61, abs=0.02), "as WCAG has it"


def test_a_panel_or_a_shadow_helps():
    assert faint(sheet("#ffffff"), panel={"colour": "#000000", "opacity": 80, "pad": 16}) == []
    assert faint(sheet("#ffffff"), panel={"colour": "#000000", "opacity": 10, "pad": 16})
    assert faint(sheet("#ffffff"), shadow=legibility.SHADOW) == []


def test_only_what_lies_under_the_words_counts_also_where_they_are_turned():
    x, y, width, height = slot(design("portrait_words"), "title")["box"]
    assert faint(sheet("#ffffff", (x, y, x + width, y + height))) == []
    assert faint(sheet("#000000", (0, y + height, 1080, 1350), "#ffffff")) == []
    # Upright, they leave a low box above and below.
    assert faint(sheet("#ffffff", (x, y, x + width, y + height)), turn=90)

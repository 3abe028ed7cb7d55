"""Which letters the fonts of flyers have."""

import json

from fontTools.ttLib import TTFont

from static import build, faces

TABLE = json.loads((build.VENDOR / "fonts.json").read_text())


def letters(name):
    at, covered = 0, set()
    ranges = iter(TABLE["fonts"][name]["ranges"])
    for lacks, has in zip(ranges, ranges, strict=True):
        covered.update(range(at + lacks, at + lacks + has))
        at += lacks + has
    return covered


def test_the_table_has_what_each_font_has():
    for name, font in TABLE["fonts"].items():
        if not font["file"].endswith(".woff2"):
            with TTFont(build.STATIC / font["file"], lazy=True) as read:
                assert letters(name) == set(read.getBestCmap()), name


def test_a_small_font_has_a_part_of_the_whole_one():
    for name in ("inter-400", "inter-600", "inter-800", "source-serif"):
        assert set(map(ord, "Zoë Müller, 100 €")) < letters(name) < letters(f"{name}-all")


def test_every_face_ends_in_fonts_that_are_there():
    named = {name for face in faces.FACES.values() for fonts in face.values() for name in fonts}
    assert named | set(faces.LATIN.values()) | set(faces.SCRIPTS) == set(faces.FILES)

"""Codes as pictures."""

import io
from base64 import b64decode
from xml.etree import ElementTree

import pytest
import segno
import zxingcpp
from PIL import Image, ImageDraw

from domain.files import qr

CODE = "GH1:" + "A7Q2" * 31 + "A7Q"


def test_event_case_45_a_code_is_black_on_white_with_four_modules_around():
    drawn = ElementTree.fromstring(qr.svg(CODE))
    side = int(drawn.get("width"))
    ground, lines = drawn
    assert (ground.get("fill"), ground.get("d")) == ("#fff", f"M0 0h{side}v{side}h-{side}z")
    assert (lines.get("stroke"), lines.get("d")[:6]) == ("#000", "M4 4.5")
    assert side == len(segno.make(CODE, error="m", boost_error=False).matrix) + 8


@pytest.mark.parametrize("text", [CODE, "otpauth://totp/Hall:ada@example.org?secret=ABC", "żółć ☂"])
def test_a_drawn_code_is_read_by_others(text):
    head, _, picture = qr.address(text, border=3).partition(",")
    assert head == "data:image/svg+xml;base64"
    drawn = ElementTree.parse(io.BytesIO(b64decode(picture))).getroot()
    side = int(drawn.get("width"))
    image = Image.new("L", (side * 4, side * 4), 255)
    for line in drawn[1].get("d").split("M")[1:]:
        (x, y), length = line.partition("h")[0].split(), int(line.partition("h")[2])
        x, y = int(x), int(float(y))
        ImageDraw.Draw(image).rectangle((4 * x, 4 * y, 4 * (x + length) - 1, 4 * y + 3), 0)
    assert [found.text for found in zxingcpp.read_barcodes(image)] == [text]


def test_a_bar_code_has_the_bars_of_its_text_and_refuses_what_it_cannot_have():
    drawn = qr.bars("AB-0017")
    assert drawn.count("v1") > 30
    assert 'viewBox="0 0 ' in drawn
    for wrong in ("ü€", "x" * 200, ""):
        with pytest.raises(ValueError, match=r"Error|Can"):
            qr.bars(wrong)

"""What the print process does, asked in this one."""

import io
import json

import zxingcpp
from PIL import Image

from domain.files import qr, typesetting

CODE = "GH1:" + "A7Q2" * 31 + "A7Q"
SHEET = {"page": [100, 62], "width": 100, "height": 62, "columns": 1, "margin": 0, "lines": False}


def test_a_printed_code_is_read_by_others():
    png = typesetting._compiler("badges").compile(
        format="png",
        ppi=150,
        sys_inputs={
            "data": json.dumps(
                {"title": "", "organization": "", "page": [100, 62], "width": 100, "height": 62, "columns": 1}
                | {
                    "margin": 0,
                    "lines": False,
                    "badges": [{"name": "Ada", "line": "", "tier": "", "code": qr.svg(CODE)}],
                }
            )
        },
    )
    read = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)))
    assert [one.text for one in read] == [CODE]


def test_what_no_font_has_is_known_and_what_is_not_drawn_is_not_missed():
    assert json.loads(typesetting.missing("Ada \U00012000\U0001d11e\u200d\ufe0f\n")) == ["\U00012000", "\U0001d11e"]

"""What happened to people elsewhere with pictures like these, and what happens here: by the numbers of the specification
(its reports name the projects), each with the tests that tell it."""

import ast
import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[2]
TOP = TESTS.parent
FLYERS, VIEWS, BROWSER = "domain/flyers", "views/flyers", "browser/test_flyers.py"
CASES = {
    1: (f"{FLYERS}/test_lettering.py", "hard_case_01"),  # Arabic reversed, or as single letters
    2: (f"{FLYERS}/test_lettering.py", "hard_case_02"),  # text that is only Arabic, only marks, only emoji
    3: (f"{FLYERS}/test_lettering.py", "hard_case_03"),  # boxes for letters that no font has
    4: (f"{FLYERS}/test_lettering.py", "hard_case_04"),  # boxes in the container alone
    5: (BROWSER, "the_phone_and_the_server_draw_the_same"),  # the first drawing in the wrong font
    6: (f"{FLYERS}/test_plans.py", "hard_case_06"),  # long names that run over, silently
    7: (f"{FLYERS}/test_lettering.py", "hard_case_07"),  # emoji that fall apart
    8: (f"{FLYERS}/test_composing.py", "hard_case_08"),  # a font in several threads
    9: ("domain/files/test_gate.py", "hard_case_09"),  # a small JPEG that takes minutes
    10: (f"{FLYERS}/test_composing.py", "hard_case_10"),  # bombs
    11: ("domain/files/test_gate.py", "hard_case_11"),  # hundreds of frames
    12: ("domain/files/test_gate.py", "hard_case_12"),  # a limit that isn't named
    13: ("domain/files/test_gate.py", "hard_case_13"),  # washed out colours
    14: ("domain/files/test_gate.py", "hard_case_14"),  # HEIC under another name
    15: ("domain/files/test_gate.py", "hard_case_15"),  # upright in the preview, turned in the result
    16: (f"{FLYERS}/batches/test_drawing.py", "flyer_case_16"),  # GPS in public files; and hard_case_16 beside it
    17: (BROWSER, "where_the_canvas_gives_nothing_back"),  # stripes, noise, or nothing from the canvas
    18: (BROWSER, "flyer_case_18"),  # apps that save nothing
    19: (BROWSER, "flyer_case_19"),  # sharing that is refused, or thought better of
    20: (f"{FLYERS}/test_composing.py", "hard_case_20"),  # no preview in chats
    21: (f"{VIEWS}/test_showing_views.py", "hard_cases_20_and_21"),  # an old preview for ever
    22: (f"{VIEWS}/test_showing_views.py", "hard_case_22"),  # deleted, and still served
    23: (f"{FLYERS}/test_keeping.py", "hard_case_23"),  # files that stay when rows go
    24: (f"{VIEWS}/test_counting_views.py", "flyer_case_24"),  # robots that are «views»
    25: (f"{FLYERS}/test_hard_cases.py", "flyer_case_25"),  # a row that is updated for each view
    26: ("domain/events/referring/test_referrals.py", "flyer_case_26"),  # brought twice by one order
    27: ("domain/events/referring/test_referrals.py", "flyer_case_27"),  # paid back, and still counted
    28: (f"{VIEWS}/test_making_views.py", "hard_case_28"),  # a hall behind one address
    29: ("domain/moderation/test_reports.py", "flyer_case_29"),  # few people who hide much
    30: (
        f"{FLYERS}/batches/test_bringing.py",
        "flyer_case_30",
    ),  # names that clash in a ZIP, addresses that are fetched
}


def test_every_hard_case_is_told_by_a_test():
    assert sorted(CASES) == list(range(1, 31))
    for number, (file, named) in CASES.items():
        told = re.findall(rf"^def (test_{named}\w*)\(", (TESTS / file).read_text("utf-8"), re.M)
        assert told, f"case {number}: no test_{named}… in {file}"


def test_flyer_case_25_no_row_is_raised_for_each_view():
    """Of what strangers ask for nothing is raised by one: acts are rows that are added, and their sums are raised by
    those that are new, many at once, in one place. A try at drawing is no view."""
    raised = {}
    for path in [*(TOP / "views").rglob("*.py"), *(TOP / "domain" / "flyers").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.keyword) and isinstance(node.value, ast.BinOp) and _is_column(node.value.left):
                raised.setdefault(path.name, set()).add(node.arg)
            if isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(value, ast.BinOp) and _is_column(value.left) and _is_column(key):
                        raised.setdefault(path.name, set()).add(key.attr)
    assert raised == {"lane.py": {"tries"}, "funnel.py": {"n"}}


def _is_column(node):
    return isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id[:1].isupper()

"""What static/build.py leaves out of the style sheets, and what it must keep."""

import re

from static import build

SHEET = """@charset "UTF-8";/*! Notice */:root{--a:1px;--b:var(--c);--c:2px;--d:3px}
.btn,.ghost{width:var(--a)}.btn-danger:not(.ghost){color:var(--b)}.ghost .btn{color:red}.navbar{color:red}
.btn-ghostly{color:red}a[href*="}"]{content:";{";color:red}
@media print{.btn{color:#000}.ghost{color:#000}}@media screen{.ghost{color:#000}}
@keyframes spin{to{rotate:1turn}}@keyframes lost{to{rotate:1turn}}.spinner{animation:spin 1s}"""
TEXTS = ["""<a class="btn btn-{{ kind }} navbar spinner">danger</a>"""]


def test_rules_whose_classes_nobody_names_go():
    css = build.trimmed(SHEET, TEXTS)
    assert "ghost{" not in css
    assert "navbar" not in css
    assert ".btn{width:var(--a)}" in css
    assert ".btn-danger:not(.ghost){color:var(--b)}" in css, "put together of two parts, and beside a class"
    assert 'a[href*="}"]{content:";{";color:red}' in css
    assert "@media print{.btn{color:#000}}" in css
    assert "@media screen" not in css


def test_variables_and_movements_that_nothing_reads_go():
    css = build.trimmed(SHEET, TEXTS)
    assert ":root{--a:1px;--b:var(--c);--c:2px}" in css
    assert "spin" in css
    assert "lost" not in css


def test_notices_stay():
    assert build.trimmed(SHEET, TEXTS).startswith("/*! Notice */")


def test_icons_are_found_where_they_are_asked_for():
    texts = {
        "a.html": """{{ ui.icon("one") }}{{ ui.empty("No", "Text", "two") }}""",
        "b.py": 'ICONS = ("three", "four")',
        "e.py": """Place(
            "x", "A place", f"/{slug}", "five", "k")""",
    }
    assert {"one", "two", "three", "four", "five"} <= set(build.icons_used(texts))


def test_the_tests_run_on_the_versions_that_the_product_runs_on():
    def pinned(name):
        text = (build.TOP / name).read_text("utf-8")
        return set(re.findall(r"^([\w.\[\]-]+==\S+)", text, re.M))

    assert len(pinned("requirements.lock")) > 40
    assert pinned("requirements.lock") - pinned("requirements-dev.lock") == set()

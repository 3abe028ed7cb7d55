"""What every page shares: kept HTML, blocks drawn alone, what is asked only when it is shown."""

import re
from pathlib import Path

from markupsafe import Markup

from views import pages

EVIL = "<img src=x onerror=alert(1)>"
TOP = Path(__file__).resolve().parents[2]


def test_what_was_drawn_of_trusted_text_is_not_shown_for_the_same_text_untrusted(web):
    ui = web.jinja_env.globals["ui"]
    with web.test_request_context():
        for draw in (lambda text: ui.badge(text, "info"), lambda text: ui.button("Go", label=text)):
            assert EVIL in draw(Markup(EVIL))
            assert EVIL not in draw(EVIL)


def test_places_of_equal_words_are_drawn_each_for_itself(web):
    nav = web.jinja_env.globals["nav"]

    def drawn(text):
        return nav.sidebar((pages.Group("", (pages.Place("home", text, "/", "home", "h"),)),), "home")

    with web.test_request_context():
        assert EVIL in drawn(Markup(EVIL))
        assert EVIL not in drawn(EVIL)


def test_every_cache_of_the_views_tells_types_apart():
    for path in (TOP / "views").rglob("*.py"):
        for cached in re.findall(r"lru_cache\((.*?)\)", path.read_text()):
            assert "typed=True" in cached, f"{path.name}: {cached}"

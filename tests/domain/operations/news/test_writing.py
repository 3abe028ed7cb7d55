"""Markdown of an issue: what it draws, and what it can't do."""

import pytest

from domain.operations.news import writing
from models import Campaign


def test_it_draws_headings_lists_links_and_tables():
    html = writing.html("# Jazz\n\n- one\n- two\n\n[here](https://example.org) www.example.com\n\n|a|b|\n|-|-|\n|1|2|")
    for part in ("<h1 style=", "<li>one</li>", 'href="https://example.org"', 'href="http://www.example.com"', "<td"):
        assert part in html


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "![x](https://example.org/pixel.gif)",
        "[x](javascript:alert(1))",
        "[x](data:text/html,1)",
        "<style>p{}</style>",
    ],
)
def test_it_runs_nothing_and_loads_nothing(text):
    for html in (writing.html(text), writing.previewed(text)):
        for word in ("<script", "<img", "<style", 'href="javascript', 'href="data'):
            assert word not in html


def test_a_page_of_ours_shows_it_without_styles_and_below_its_own_headings():
    html = writing.previewed("# Jazz\n\n> said\x00 it")
    assert "style=" not in html
    assert "<h3>Jazz</h3>" in html
    assert "\x00" not in html


def test_a_letter_has_one_readers_link_in_text_and_html(house):
    issue = Campaign(subject="News", body="It is **July**.")
    message = writing.addressed(issue, "ada@example.org", "pub", 7, "<x@guildhall>")
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert "It is **July**." in text
    assert "<strong>July</strong>" in html
    assert "http://localhost/newsletter/preferences/pub." in text
    assert "http://localhost/newsletter/preferences/pub." in html
    assert "leave.invalid" not in text + html

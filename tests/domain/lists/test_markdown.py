"""What a text in Markdown can and can't do."""

import re

import pytest

from domain.lists import markdown


@pytest.mark.parametrize(
    "text",
    [
        "<script>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "[x](javascript:alert(1))",
        "[x](data:text/html,<script>alert(1)</script>)",
        "![x](https://example.org/pixel.png)",
        "<a href='javascript:alert(1)' style='position:fixed'>x</a>",
        "# heading",
        "<!-- --><svg onload=alert(1)>",
    ],
)
def test_markdown_makes_nothing_that_acts(text):
    made = markdown.html(text)
    assert set(re.findall(r"<(\w+)", made)) <= {"p", "a"}
    assert set(re.findall(r'<a href="(\w+):', made)) <= {"https"}


def test_markdown_is_understood():
    made = markdown.html("**a** _b_ ~~c~~ `d` www.example.org\nline\n\n- e\n\n| f |\n|---|\n| g |")
    for tag in ("<strong>", "<em>", "<s>", "<code>", "<br>", "<ul>", "<table>", 'href="http://www.example.org"'):
        assert tag in made
    assert 'rel="noopener nofollow ugc"' in made

"""Markdown as people type it, drawn as HTML that can do nothing: no script, no picture from elsewhere, no headings."""

import re
from functools import lru_cache

import nh3
from markdown_it import MarkdownIt

TAGS = {"p", "br", "strong", "em", "s", "a", "ul", "ol", "li", "blockquote", "pre", "code", "hr"} | {
    *("table", "thead", "tbody", "tr", "th", "td")
}
# Headings would stand among those of the page, and pictures would tell their server who reads.
_reader = MarkdownIt("gfm-like", {"html": False, "breaks": True}).disable(["heading", "lheading", "image"])
_cleaner = nh3.Cleaner(
    tags=TAGS,
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener nofollow ugc",
    set_tag_attribute_values={"a": {"target": "_blank"}},
)
# What the site's own articles have besides: headings, below that of their page.
_article_reader = MarkdownIt("gfm-like", {"html": False}).disable(["image"])
_article_cleaner = nh3.Cleaner(
    tags=TAGS | {"h2", "h3", "h4"},
    attributes={"a": {"href"}, "ol": {"start"}},
    url_schemes={"http", "https", "mailto"},
    link_rel="noopener",
)
_TABLE = re.compile(r"<table>.*?</table>", re.S)


@lru_cache(maxsize=1000)
def html(text):
    """The text as sanitized HTML; wide tables scroll in a box of their own."""
    return _scrolling(_cleaner.clean(_reader.render(text)))


@lru_cache(maxsize=100)
def article(text):
    """The same for an article of the site: with headings, one step below that of its page."""
    tokens = _article_reader.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(4, int(token.tag[1]) + 1)}"
    return _scrolling(_article_cleaner.clean(_article_reader.renderer.render(tokens, _article_reader.options, {})))


def _scrolling(drawn):
    return _TABLE.sub(lambda table: f'<div class="table-scroll" tabindex="0">{table[0]}</div>', drawn)

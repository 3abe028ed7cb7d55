"""Markdown as people type it, drawn as HTML that can do nothing: no script, no picture from elsewhere, no headings."""

import re
from functools import cache, lru_cache

from database.late import Late

nh3, markdown_it = Late("nh3"), Late("markdown_it")

TAGS = {"p", "br", "strong", "em", "s", "a", "ul", "ol", "li", "blockquote", "pre", "code", "hr"} | {
    *("table", "thead", "tbody", "tr", "th", "td")
}
_TABLE = re.compile(r"<table>.*?</table>", re.S)


@cache
def _comments():
    """(reader, cleaner) of what people write. Headings would stand among those of the page, and pictures would tell
    their server who reads."""
    reader = markdown_it.MarkdownIt("gfm-like", {"html": False, "breaks": True})
    return reader.disable(["heading", "lheading", "image"]), nh3.Cleaner(
        tags=TAGS,
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow ugc",
        set_tag_attribute_values={"a": {"target": "_blank"}},
    )


@cache
def _articles():
    """What the site's own articles have besides: headings, below that of their page."""
    return markdown_it.MarkdownIt("gfm-like", {"html": False}).disable(["image"]), nh3.Cleaner(
        tags=TAGS | {"h2", "h3", "h4"},
        attributes={"a": {"href"}, "ol": {"start"}},
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener",
    )


@lru_cache(maxsize=1000)
def html(text):
    """The text as sanitized HTML; wide tables scroll in a box of their own."""
    reader, cleaner = _comments()
    return _scrolling(cleaner.clean(reader.render(text)))


@lru_cache(maxsize=100)
def article(text):
    """The same for an article of the site: with headings, one step below that of its page."""
    reader, cleaner = _articles()
    tokens = reader.parse(text)
    for token in tokens:
        if token.type in ("heading_open", "heading_close"):
            token.tag = f"h{min(4, int(token.tag[1]) + 1)}"
    return _scrolling(cleaner.clean(reader.renderer.render(tokens, reader.options, {})))


def _scrolling(drawn):
    return _TABLE.sub(lambda table: f'<div class="table-scroll" tabindex="0">{table[0]}</div>', drawn)

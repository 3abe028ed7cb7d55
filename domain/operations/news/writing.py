"""An issue of the newsletter as a letter: Markdown that can do nothing, drawn once, then addressed to each reader."""

import re
from functools import cache, lru_cache
from urllib.parse import urlsplit

from database.late import Late
from domain.base import configuration, mail, settings
from domain.base.letters import subscribers
from domain.fields.kinds import clean

nh3, markdown_it = Late("nh3"), Late("markdown_it")
TAGS = {"p", "br", "strong", "em", "s", "a", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote"} | {
    *("pre", "code", "hr", "table", "thead", "tbody", "tr", "th", "td")
}
# Mail programs read no style sheets, so what differs from their own look stands at each element.
_LOOKS = {
    "a": {"style": "color:#126b47", "target": "_blank"},
    "blockquote": {"style": "margin:0;padding-left:12px;border-left:3px solid #e7e2d8;color:#5b6470"},
    "h1": {"style": "font-size:22px;line-height:1.3;font-weight:600"},
    "h2": {"style": "font-size:18px;line-height:1.3;font-weight:600"},
    "h3": {"style": "font-size:16px;line-height:1.3;font-weight:600"},
    "td": {"style": "padding:4px 12px 4px 0"},
    "th": {"style": "padding:4px 12px 4px 0;text-align:left"},
}
_ATTRIBUTES = {"a": {"href"}, "ol": {"start"}}


@cache
def _reader():
    """No pictures: they would tell their server who reads, and when."""
    return markdown_it.MarkdownIt("gfm-like", {"html": False, "breaks": True}).disable("image")


@cache
def _cleaner(letter):
    """Of letters, which bear their looks, or of pages of ours."""
    values = _LOOKS if letter else {"a": {"target": "_blank"}}
    return nh3.Cleaner(
        tags=TAGS,
        attributes=_ATTRIBUTES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener nofollow",
        set_tag_attribute_values=values,
    )


_HEADING = re.compile(r"<(/?)h[1-6]>")
_HERE = "https://leave.invalid/0c5f1d"  # where each letter has its own link


def html(text):
    """Markdown as sanitized HTML for a letter."""
    return _cleaner(letter=True).clean(_reader().render(text))


def previewed(text):
    """The same for a page of ours, which bears no style of its own and has headings above."""
    return _HEADING.sub(r"<\1h3>", _cleaner(letter=False).clean(_reader().render(clean(text))))


def drawn(subject, body):
    """(subject, plain text, HTML) of an issue, with _HERE for the link that ends it."""
    return _drawn(subject, body, settings.get("site_name"), configuration.active.site_url)


@lru_cache(maxsize=8)
def _drawn(subject, body, _site, _url):
    return mail.written("newsletter", {"subject": subject, "body": body, "words": html(body), "leave": _HERE})


def shown(issue):
    """The HTML of an issue as its page shows it; the link to leave leads nowhere there."""
    return drawn(issue.subject or "No subject yet", issue.body)[2].replace(_HERE, f"{configuration.active.site_url}/")


def addressed(issue, email, public_id, recipient, message_id):
    """An issue as the message to one reader, with their own link to leave."""
    leave = subscribers.leave_link(public_id, recipient)
    subject, text, page = drawn(issue.subject, issue.body)
    letter = subject, text.replace(_HERE, leave), page.replace(_HERE, leave)
    list_id = f"newsletter.{urlsplit(configuration.active.site_url).hostname}"
    return mail.addressed(email, letter, message_id=message_id, stop=leave, list_id=list_id)

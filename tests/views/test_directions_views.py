"""Words that run from right to left stand in elements of their own, wherever a template draws them (use.md's R19)."""

from html.parser import HTMLParser

import pytest

import models
from database.scope import everywhere
from tests.fixtures.threads import write
from tests.test_access import ROUTES, filled, world  # noqa: F401  the world with something behind every address
from views.directions import _HAS, isolated, sentence

MOHAMED, SARA = "محمد", "سارة"
WITHOUT_ELEMENTS = ("title", "option", "textarea", "script", "style")
VOID = {"input", "link", "meta", "img", "br", "hr", "source", "col", "wbr"}


class Reader(HTMLParser):
    """Where words from right to left stand: `bare` ones are beside others, `broken` are attributes with elements in
    them, and elements that take no other."""

    def __init__(self):
        super().__init__()
        self.stack, self.seen, self.bare, self.broken = [], 0, [], []

    def handle_starttag(self, tag, attributes):
        self.broken += [value for _, value in attributes if value and "<bdi>" in value]
        if tag == "bdi" and self.stack and self.stack[-1][0] in WITHOUT_ELEMENTS:
            self.broken.append(self.stack[-1][0])
        if tag not in VOID:
            self.stack.append((tag, dict(attributes).get("dir")))

    def handle_endtag(self, tag):
        while self.stack and self.stack.pop()[0] != tag:
            pass

    def handle_data(self, data):
        if not _HAS.search(data):
            return
        self.seen += 1
        inside = self.stack[-1] if self.stack else ("", None)
        if inside[0] not in WITHOUT_ELEMENTS and inside[0] != "bdi" and inside[1] != "auto":
            self.bare.append(data.strip()[:80])


def read(html):
    reader = Reader()
    reader.feed(html)
    return reader


@pytest.fixture
def turned(world):  # noqa: F811
    """The same world, whose people and things have names that run from right to left."""

    def rename():
        models.Profile.update(full_name=MOHAMED).execute()
        models.Organization.update(name=f"{SARA} (3)").execute()
        models.Notification.update(title=f"{MOHAMED} gave you a task", body=SARA).execute()
        models.Task.update(title=f"{SARA}: 3").execute()
        models.Workspace.update(name=f"{SARA}: 3").execute()
        models.Collection.update(name=f"{SARA}: 3").execute()

    with everywhere("the test renames"):
        write(rename)
    return world


@pytest.mark.above_sql
def test_use_r19_words_from_right_to_left_stand_alone_on_every_page(turned):
    bare, broken, seen = {}, {}, 0
    for method, rule, endpoint, door in ROUTES:
        if method != "GET" or door.kind in ("holder", "provider", "machine") or endpoint == "live.stream":
            continue
        name = "stella" if door.kind == "platform" else "alice"
        answer = turned.browse(name).get(filled(rule, endpoint, name, turned), buffered=True)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            found = read(answer.get_data(True))
            seen += found.seen
            bare |= {rule: found.bare} if found.bare else {}
            broken |= {rule: found.broken} if found.broken else {}
        answer.close()
    assert (bare, broken) == ({}, {})
    assert seen > 500


def test_use_r19_a_sentence_of_ours_runs_as_ours_do_and_isolates_the_names_in_it():
    told = f"Only {MOHAMED}, {SARA} {MOHAMED} and <admins> can change 3 of this."
    expected = f"Only <bdi>{MOHAMED}</bdi>, <bdi>{SARA} {MOHAMED}</bdi> and &lt;admins&gt; can change 3 of this."
    assert sentence(told) == expected
    assert sentence("Only Bob") == "Only Bob"
    assert not hasattr(sentence("<b>"), "__html__")  # what has nothing to isolate is escaped where it is drawn


def test_use_r19_what_is_drawn_is_escaped_as_before(web):
    draw = web.jinja_env.from_string
    assert draw("<p>{{ x }}</p>").render(x=f"<b>{SARA}") == f"<p><bdi>&lt;b&gt;{SARA}</bdi></p>"
    assert draw('<p title="{{ x }}" {{ x }}>y</p>').render(x=SARA) == f'<p title="{SARA}" {SARA}>y</p>'
    assert draw("<title>{{ x }}</title>{{ x }}").render(x=SARA) == f"<title>{SARA}</title><bdi>{SARA}</bdi>"
    assert draw("<svg><title>{{ x }}</title>{{ x }}</svg>").render(x=SARA) == f"<svg><title>{SARA}</title>{SARA}</svg>"
    made = draw('{% macro at(v) %} name="{{ v }}"{% endmacro %}<i{{ at(x) }}>{{ a or x }}</i>').render(x=SARA)
    assert made == f'<i name="{SARA}"><bdi>{SARA}</bdi></i>'
    assert isolated(3) == 3

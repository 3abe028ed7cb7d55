"""What view tests need beyond the cast."""

import re
from html.parser import HTMLParser

import pytest

from database.connections import database
from database.scope import inside
from domain.lists import rows
from domain.tasks import tasks
from tests.fixtures import counting


@pytest.fixture
def task(at, cast):
    """alice's task in Acme."""
    with inside(cast.acme):
        return rows.create(tasks.rules, {"title": "Call the printer", "priority": "high"}, by=at("alice"))


@pytest.fixture
def counted(house):
    return counting.counted


VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class _Outline(HTMLParser):
    def __init__(self):
        super().__init__()
        self.top, self.ids, self.depth = [], [], 0

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if "id" in attributes:
            self.ids.append(attributes["id"])
        if not self.depth:
            self.top.append(attributes.get("id") or tag)
        self.depth += tag not in VOID

    def handle_endtag(self, tag):
        self.depth -= tag not in VOID


@pytest.fixture
def outline():
    """`outline(response)`: (ids of the outermost elements, all ids) of the HTML that came."""

    def read(response):
        parsed = _Outline()
        parsed.feed(response.get_data(True))
        assert not [id for id in set(parsed.ids) if parsed.ids.count(id) > 1], "an id came twice"
        return parsed.top, parsed.ids

    return read


@pytest.fixture
def said():
    """The text of a page, as a reader sees it."""

    def read(response):
        text = re.sub(r"<(script|style).*?</\1>", " ", response.get_data(True), flags=re.S)
        return " ".join(re.sub(r"<[^>]+>", " ", text).split())

    return read


@pytest.fixture
def followed():
    """What the page after a redirect says."""

    def read(client, response):
        assert response.status_code == 303, response.status_code
        return client.get(response.headers["Location"]).get_data(True)

    return read


@pytest.fixture
def wire(web):
    """`wire()` carries the sandbox's webhooks through the real route and works them off; returns the statuses."""
    import jobs
    from database import transactions
    from domain.money.providers import sandbox
    from models import Outgoing

    def carry(times=1, backwards=False):
        left = list(Outgoing.select().where(Outgoing.kind == "sandbox_webhook").order_by(Outgoing.id))
        statuses = []
        for row in reversed(left) if backwards else left:
            body, headers = sandbox.signed(row.payload)
            for _ in range(times):
                statuses.append(web.test_client().post("/webhooks/stripe", data=body, headers=headers).status_code)
        transactions.writes(lambda: Outgoing.delete().where(Outgoing.kind == "sandbox_webhook").execute())()
        jobs.work_off()
        return statuses

    return carry


@pytest.fixture
def queries(monkeypatch):
    """The SQL that was sent, by every way there is."""
    sent = []
    kind = type(database.obj)
    plain = kind.execute_sql

    def noted(self, sql, params=None, *rest):
        sent.append(sql)
        return plain(self, sql, params, *rest)

    monkeypatch.setattr(kind, "execute_sql", noted)
    return sent

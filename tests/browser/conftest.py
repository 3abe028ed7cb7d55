"""A real server and a real Chromium. A page that says an error on its console fails its story."""

import re
import time

import pytest
from playwright.sync_api import expect, sync_playwright

from tests.browser import engines
from tests.browser.hands import PlaywrightHands
from tests.browser.server import Server

CAST = {"alice": 1, "bob": 2, "vera": 3, "dora": 4, "charlie": 5, "stella": 6}
PATIENCE = 30_000  # milliseconds: two cores may be busy
TEAM = "/acme-festival"


def pytest_collection_modifyitems(items):
    for item in items:
        if "/tests/browser/" in item.path.as_posix():
            item.add_marker(pytest.mark.browser)
            item.add_marker(pytest.mark.flaky(reruns=1))  # a browser on a busy machine; the summary names who needed it


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("demo"), "demo") as server:
        yield server
        log = server.log
    assert "Traceback" not in log, log[-4000:]


@pytest.fixture
def empty(tmp_path):
    """An install that nobody lives in yet."""
    with Server(tmp_path / "empty", "development") as server:
        yield server
        assert "Traceback" not in server.log, server.log[-4000:]


@pytest.fixture(scope="package")
def engine(request):
    """For this folder only: Playwright keeps an event loop, which other tests should not find."""
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        found = engines.launch(playwright, request.config.getoption("--engine")) or engines.WebKitGTK()
        yield found
        found.close()


@pytest.fixture(scope="package")
def browser(engine):
    if isinstance(engine, engines.WebKitGTK):
        pytest.skip("WebKitGTK is driven by hands alone")
    return engine


@pytest.fixture
def hands_of(engine, demo, request):
    """`hands_of("bob")` are bob's, signed in, in any of the engines, `hands_of(None)` a stranger's; `hands_of.expect`
    as with pages."""
    is_gtk = isinstance(engine, engines.WebKitGTK)
    page_of = None if is_gtk else request.getfixturevalue("page_of")

    def of(who):
        hands = engine.hands(demo.url) if is_gtk else PlaywrightHands(page_of(), demo.url)
        hands.letter = demo.letter
        hands.go("/health")
        if who:
            hands.send(f"/dev/sign-in/{CAST[who]}")
        return hands

    of.expect = page_of.expect if page_of else lambda *_: None
    yield of
    if is_gtk:
        engine.close_windows()


class Pages:
    """`page_of("bob")` is a page that bob is signed in with, `page_of(None)` a stranger's; each its own browser."""

    def __init__(self, browser, url):
        self.browser, self.url = browser, url
        self.contexts, self.troubles, self.expected, self.posts = [], [], [], set()

    def __call__(self, who=None, url=None, **options):
        options = {
            "viewport": {"width": 1280, "height": 800},
            "locale": "en-GB",
            "timezone_id": "Europe/Paris",
            "service_workers": "block",  # a story that loses its network allows it
        } | options
        context = self.browser.new_context(base_url=url or self.url, **options)
        self.contexts.append(context)
        context.set_default_timeout(PATIENCE)
        context.on("page", self._watch)
        if who:
            assert context.request.post(f"/dev/sign-in/{CAST[who]}").ok
        return context.new_page()

    def expect(self, *troubles):
        """Statuses, or words of a message, that belong to this story."""
        self.expected += [str(trouble) for trouble in troubles]

    def _watch(self, page):
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self._note(f"pageerror on {page.url}: {error}"))
        page.on("response", self._answered)
        page.on("request", self._begun)
        page.on("requestfinished", self._ended)
        page.on("requestfailed", self._ended)
        page.goto, page.reload = self._once_posted(page, page.goto), self._once_posted(page, page.reload)

    def _begun(self, request):
        if request.method != "GET":
            self.posts.add(request)

    def _ended(self, request):
        self.posts.discard(request)

    def _once_posted(self, page, leave):
        """Leaving a page ends what it still sends, as people, who are slower, hardly ever do."""

        def then(*args, **options):
            until = time.monotonic() + PATIENCE / 1000
            page.evaluate("1")  # what was pressed has begun to be sent before this is answered
            while self.posts and time.monotonic() < until:
                page.wait_for_timeout(10)
            self.posts.clear()
            return leave(*args, **options)

        return then

    def _heard(self, message):
        # A refused request is told by its response; the console says it a second time. `hx-sync` replaces a search
        # by the next one: htmx calls that an abort. Any other failure has an error of its own beside «afterRequest».
        again = (
            "Failed to load resource: the server responded",
            "htmx:afterRequest, [object",
            "htmx:sendAbort, [object",
        )
        if message.type == "error" and not any(words in message.text for words in again):
            self._note(f"console: {message.text} ({message.location.get('url')})")

    def _answered(self, response):
        if response.status >= 400:
            self._note(f"status {response.status}: {response.request.method} {response.url}")

    def _note(self, trouble):
        self.troubles.append(trouble)

    @property
    def unexpected(self):
        def declared(trouble):
            return any(re.search(rf"\b{re.escape(word)}\b", trouble) for word in self.expected)

        return [trouble for trouble in self.troubles if not declared(trouble)]

    def close(self):
        for context in self.contexts:
            context.close()


@pytest.fixture
def page_of(browser, request):
    """On the demo's server, unless a story asks for the empty one."""
    server = request.getfixturevalue("empty" if "empty" in request.fixturenames else "demo")
    pages = Pages(browser, server.url)
    yield pages
    pages.close()
    assert pages.unexpected == []


@pytest.fixture
def new_task():
    """Make a task through HTTP, as the page's own person; its number."""

    def make(page, title, team=TEAM, **more):
        answer = page.request.post(f"{team}/tasks", form={"title": title, **more}, max_redirects=0)
        assert answer.status == 303, answer.text()
        return int(answer.headers["location"].rsplit("/", 1)[1])

    return make

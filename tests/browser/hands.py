"""A person's hands at a browser, in words that every engine understands: the main stories are told with them.

Chromium and Firefox are driven by Playwright. Its WebKit is a build of its own; where only WebKitGTK is there,
that is driven over WebDriver, which is four addresses of plain JSON.
"""

import json
import time

import requests
from playwright.sync_api import Error
from requests.adapters import HTTPAdapter, Retry

PATIENCE = 15  # seconds: two cores may be busy

# The last thing of this name that is seen, in the dialog that is open or else on the page; whole names go first.
FIND = """([kind, name]) => {
  const plain = (text) => (text ?? "").replace(/\\s+/g, " ").trim();
  const within = [...document.querySelectorAll("dialog[open]")].pop() ?? document.body;
  const places = { press: "a[href], button, summary, [role=option]", field: "label" }[kind];
  const named = [...within.querySelectorAll(places)].filter((one) => one.checkVisibility({ visibilityProperty: true }) || kind === "field")
    .map((one) => [one, [one.getAttribute("aria-label"), one.title, one.innerText].map(plain)]);
  const found = named.find(([, names]) => names.includes(name)) ?? named.find(([, names]) => names.some((one) => one.includes(name)));
  const one = kind === "field" ? found?.[0].control : found?.[0];
  one?.scrollIntoView({ block: "center" });
  return one ?? null;
}"""
SEEN = "([text]) => document.body.innerText.replace(/\\s+/g, ' ').includes(text)"
CHOOSE = """([label, words]) => {
  const option = [...(FIND(["field", label])?.options ?? [])].find((one) => one.text.trim() === words);
  if (!option) return false;
  option.parentElement.value = option.value;
  for (const name of ["input", "change"]) option.parentElement.dispatchEvent(new Event(name, { bubbles: true }));
  return true;
}""".replace("FIND", f"({FIND})")
HERE = "([path]) => document.readyState === 'complete' && new RegExp(path + '$').test(location.pathname)"
SEND = """([path, fields]) => {
  const request = new XMLHttpRequest();
  request.open("POST", path, false);
  request.send(new URLSearchParams(fields));
  return request.status < 400 ? request.responseURL : `${request.status} ${request.responseText}`;
}"""


class NotYet(Exception):
    """What was looked for isn't there now."""


class Hands:
    """What a person does; the two below say how an engine is told."""

    def press(self, name):
        self._until(lambda: self._click(self._found("press", name)), name)

    def fill(self, label, text):
        self._until(lambda: self._type(self._found("field", label), text), label)

    def choose(self, label, words):
        self._until(lambda: self._true(CHOOSE, label, words), label)

    def sees(self, text):
        self._until(lambda: self._true(SEEN, text), text)

    def arrives(self, path):
        """Where the press before led: what is done next is done there."""
        self._until(lambda: self._true(HERE, path), path)

    def misses(self, text):
        self._until(lambda: self._true(f"(all) => !({SEEN})(all)", text), f"no more: {text}")

    def send(self, path, **fields):
        """A form of the page's own person, without the page; the address it led to."""
        led = self._script(SEND, path, fields)
        assert led.startswith(self.url), led
        return led.removeprefix(self.url)

    def _true(self, script, *values):
        if not self._script(script, *values):
            raise NotYet

    def _until(self, act, what):
        until = time.monotonic() + PATIENCE
        while True:
            try:
                return act()
            except (NotYet, Error) as error:
                if time.monotonic() > until:
                    raise AssertionError(f"{what!r} at {self._script('() => location.href')}: {error}") from error
            time.sleep(0.05)


class PlaywrightHands(Hands):
    def __init__(self, page, url):
        self.page, self.url = page, url

    def go(self, path):
        self.page.goto(path)

    def _script(self, script, *values):
        return self.page.evaluate(script, list(values))

    def _found(self, kind, name):
        found = self.page.evaluate_handle(FIND, [kind, name]).as_element()
        if not found:
            raise NotYet
        return found

    def _click(self, element):
        element.click(timeout=PATIENCE * 1000)  # not again after a second: it may have been pressed

    def _type(self, element, text):
        element.fill(text, timeout=PATIENCE * 1000)


class WebDriverHands(Hands):
    ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the key that the standard gives to an element in JSON

    def __init__(self, driver, capabilities, url):
        self.url, self.session = url, driver
        self.http = requests.Session()
        self.http.mount(
            "http://", HTTPAdapter(max_retries=Retry(connect=10, backoff_factor=0.05))
        )  # it starts just now
        self.session += "/session/" + self._ask("/session", capabilities={"alwaysMatch": capabilities})["sessionId"]

    def _ask(self, path, **words):
        answer = self.http.post(self.session + path, json=words, timeout=PATIENCE)
        if not answer.ok:
            raise NotYet(answer.text)
        return answer.json()["value"]

    def go(self, path):
        self._ask("/url", url=path if path.startswith("http") else self.url + path)

    def _script(self, script, *values):
        return self._ask("/execute/sync", script=f"return ({script})({json.dumps(values)})", args=[])

    def _found(self, kind, name):
        found = self._script(FIND, kind, name)
        if not found:
            raise NotYet
        return f"/element/{found[self.ELEMENT]}"

    def _click(self, element):
        self._ask(f"{element}/click")

    def _type(self, element, text):
        self._ask(f"{element}/clear")
        self._ask(f"{element}/value", text=text)

    def close(self):
        self.http.delete(self.session, timeout=PATIENCE)
        self.http.close()

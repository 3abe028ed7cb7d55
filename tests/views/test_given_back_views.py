"""A plain form that is refused gives back what was typed into it, whichever it is (reports.md's 13)."""

import html
import re
from html.parser import HTMLParser
from urllib.parse import quote, urlsplit

from flask import request
from werkzeug.datastructures import MultiDict

from domain import Invalid, Refused
from tests.test_access import ROUTES, filled, world  # noqa: F401  the world with something behind every address
from views import access


class Forms(HTMLParser):
    """The plain forms of a page, with their fields as a browser would send them: (kind, name, value, is chosen)."""

    def __init__(self, page):
        super().__init__()
        self.page, self.found, self.form, self.select, self.area = page, [], None, None, None

    def handle_starttag(self, tag, attributes):
        about = dict(attributes)
        if tag == "form" and (about.get("method") or "").lower() == "post":
            action = about.get("action") or self.page
            self.form = {"action": action, "fields": []}
            self.found.append(self.form)
        if self.form is None or "form" in about:  # another form's, which stands elsewhere
            return
        if tag == "input":
            kind = about.get("type") or "text"
            self._add(kind, about.get("name"), about.get("value") or "", "checked" in about)
        elif tag == "select":
            self.select = about.get("name")
        elif tag == "option" and self.select:
            self._add("option", self.select, about.get("value") or "", "selected" in about)
        elif tag == "textarea":
            self.area = [about.get("name"), ""]

    def handle_data(self, data):
        if self.area:
            self.area[1] += data

    def handle_endtag(self, tag):
        if tag == "form":
            self.form = None
        elif tag == "select":
            self.select = None
        elif tag == "textarea" and self.area:
            self._add("textarea", self.area[0], self.area[1].removeprefix("\n"), True)
            self.area = None

    def _add(self, kind, name, value, chosen):
        if name and self.form is not None:
            self.form["fields"].append((kind, name, value, chosen))


def forms_of(text, page):
    reader = Forms(page)
    reader.feed("".join(re.findall(r"<form\b.*?</form>", text, re.S)))  # the rest of a page takes most of the time
    return reader.found


TEXTS = ("text", "email", "search", "number", "url", "tel", "date", "datetime-local", "textarea")


def typed_into(form):
    """What somebody types into it: words in each text field, the last option, each box turned."""
    sent, typed = MultiDict(), []
    options = {}
    for kind, name, value, chosen in form["fields"]:
        if kind in TEXTS:
            text = f"Words “of” <mine> & yours {len(typed)}{' ' if kind == 'textarea' else ''}\nline".replace(
                "\nline", "\nanother line" if kind == "textarea" else ""
            )
            typed.append(text)
            sent.add(name, text)
        elif kind == "option":
            options[name] = value
        elif kind in ("hidden", "checkbox") or (kind == "radio" and chosen):
            sent.add(name, value)
    for name, value in options.items():
        sent.add(name, value)
    return sent, typed, options


def given(text, page, action):
    """All that the forms to this address hold now."""
    return [
        (kind, name, value)
        for form in forms_of(text, page)
        if urlsplit(form["action"]).path == action
        for kind, name, value, chosen in form["fields"]
        if kind in TEXTS or chosen
    ]


def pages(world):  # noqa: F811
    """(who, address, HTML) of each page that has a form."""
    for method, rule, endpoint, door in ROUTES:
        if method != "GET" or door.kind in ("holder", "provider", "machine") or endpoint == "live.stream":
            continue
        name = {"platform": "stella", "public": None}.get(door.kind, "alice")
        address = filled(rule, endpoint, name, world)
        client = world.browse(name)
        answer = client.get(address, buffered=True)
        if answer.mimetype == "text/html" and answer.status_code == 200:
            yield client, address, answer.get_data(True)
        answer.close()


def typed_forms(world):  # noqa: F811
    """(client, page, action, form, what is typed into it) of each plain form of any page, once."""
    tried = set()
    for client, page, text in pages(world):
        for form in forms_of(text, page):
            action = urlsplit(form["action"]).path
            written = typed_into(form)
            secret = any(kind in ("password", "file") or name == "code" for kind, name, *_ in form["fields"])
            if written[1] and action not in tried and not secret:
                tried.add(action)
                yield client, page, action, form, written


def test_report_13_every_plain_form_gives_back_what_was_typed_into_it(world, web):  # noqa: F811
    """Whatever refuses it: the view of each form is made to refuse, of itself and of one field."""
    tried, wrong = 0, []
    for client, page, action, form, (sent, typed, options) in typed_forms(world):
        tried += 1
        endpoint, _ = web.url_map.bind("localhost").match(action, method="POST")  # a form leads somewhere
        kept = web.view_functions[endpoint]
        for refusal in (Refused("No, not now."), Invalid({"name": "No, not this."})):
            web.view_functions[endpoint] = _refusing(kept, refusal)
            answer = client.post(form["action"], data=sent, headers={"Referer": f"http://localhost{page}"})
            now = given(answer.get_data(True), page, action)
            lost = set(typed) - {value for _, _, value in now}
            lost |= {word for name, word in options.items() if ("option", name, word) not in now}
            if answer.status_code not in (409, 422) or lost:
                wrong.append((page, action, answer.status_code, answer.headers.get("Location"), lost))
        web.view_functions[endpoint] = kept
    assert wrong == []
    assert tried > 30


def _refusing(view, refusal):
    """The view behind its door, that shows its form and refuses what is sent."""

    def refuses(_, parts):
        if request.method == "POST":
            raise refusal
        return view(**parts)

    return access._with_door(view, view.door, refuses)


def test_report_13_no_form_of_any_page_loses_its_words_with_its_session(world, web):  # noqa: F811
    """What is behind a sign-in comes back with a way there and back; of what isn't there for strangers, the words."""
    wrong, kept = [], 0
    for _, page, action, form, (sent, typed, options) in typed_forms(world):
        endpoint, _ = web.url_map.bind("localhost").match(action, method="POST")
        kind = web.view_functions[endpoint].door.kind
        if kind in ("public", "holder"):  # neither has a session to lose
            continue
        kept += 1
        answer = world.browse(None).post(form["action"], data=sent, headers={"Referer": f"http://localhost{page}"})
        text = answer.get_data(True)
        if kind in ("signed_in", "member"):
            held = {
                value
                for one in forms_of(text, page)
                if one["action"] == form["action"]
                for _, _, value, _ in one["fields"]
            }
            lost = {*typed, *options.values()} - held
            if answer.status_code != 401 or lost or f'href="/sign-in?next={quote(page, "")}"' not in text:
                wrong.append((page, action, answer.status_code, lost))
        elif lost := [word for word in typed if html.escape(word).replace("&#x27;", "&#39;") not in text]:
            wrong.append((page, action, answer.status_code, lost))
    assert wrong == []
    assert kept > 30


def test_report_13_a_form_whose_session_ended_is_kept_and_can_be_sent_again(cast, browse, at):
    alice, form = browse("alice"), {"title": "Order “paper” & <ink>", "description": "All of it"}
    from_page = {"Referer": "http://localhost/acme/tasks/new"}
    alice.delete_cookie("guildhall")
    answer = alice.post("/acme/tasks", data=form | {"form_key": "k" * 20}, headers=from_page)
    text = answer.get_data(True)
    assert answer.status_code == 401
    assert 'href="/sign-in?next=%2Facme%2Ftasks%2Fnew"' in text
    (again,) = [found for found in forms_of(text, "/") if found["action"] == "/acme/tasks"]
    sent = {name: value for _, name, value, _ in again["fields"]}
    assert sent == form | {"form_key": "k" * 20}
    assert browse("alice").post("/acme/tasks", data=sent).status_code == 303
    # Who only pressed a button, and who never was at a page of ours, signs in and comes back.
    assert alice.post("/acme/tasks/1/taking", headers=from_page).status_code == 303
    assert alice.post("/acme/tasks", data=form).status_code == 303


def test_report_13_what_has_no_page_any_more_is_shown_and_secrets_never_are(cast, browse):
    there = {"Referer": "http://localhost/acme/tasks/999"}
    answer = browse("alice").post(
        "/acme/tasks/999", data={"title": "My <words>", "password": "Secret 1!"}, headers=there
    )
    text = answer.get_data(True)
    assert (answer.status_code, "My &lt;words&gt;" in text, "Secret 1!" in text) == (404, True, False)

"""What a plain form gives back when it is refused: the page it stood on, with everything that was typed into it.

Scripts keep what is typed themselves; without them a refusal that leads back to an empty form would lose it. So the
page is asked for again, within the same request, and the form on it that was sent is filled as it was. Where that page
has no such form any more, or a session ended, what was typed is shown, and can be sent again.
"""

from html import escape
from html.parser import HTMLParser
from urllib.parse import urlsplit

from flask import current_app, flash, request
from werkzeug.exceptions import HTTPException
from werkzeug.test import EnvironBuilder

VOID_TYPES = ("hidden", "password", "file", "submit", "button", "image", "reset")
FIELDS = ("input", "select", "textarea")
SECRET = ("password", "code", "proof_answer", "answer")
OURS = ("key", "next", "was", "stay", "form_key")  # what a form sends that nobody typed
MOST = 60_000  # characters that a page shows of what was typed


def typed():
    """(name, text) of what may have been typed into the form of this request; no secrets. Empty for a mere button."""
    try:
        if request.method != "POST" or not request.form:
            return []
    except HTTPException:  # it is too large, or can't be read: that was refused
        return []
    known = [*SECRET, *OURS]
    found = [
        (name, text)
        for name, text in request.form.items(multi=True)
        if text.strip() and name not in known and not name.startswith(("was_", "proof_"))
    ]
    return found if sum(len(text) for _, text in found) <= MOST else []


def page(back, sentence):
    """The page at `back` with the form filled as it was sent, and the refusal said on it; None where it has no such
    form, or nothing was typed into it."""
    if not typed():
        return None
    html = _asked_for(back, sentence)
    return html and _filled(html, urlsplit(back).path)


def _asked_for(back, sentence):
    """The page as a GET of the same browser gets it now, or None."""
    path, _, query = back.partition("?")
    other = ("content", "encoding", "referer", "werkzeug", "flask")  # of the form that came, and of this answer
    here = {name: value for name, value in request.environ.items() if not any(word in name.lower() for word in other)}
    asked = EnvironBuilder(path=path, query_string=query, base_url=request.host_url).get_environ()
    environ = here | asked | {"guildhall.within": True}
    with current_app.request_context(environ):
        flash(sentence, "bad")
        answer = current_app.full_dispatch_request()
        if answer.status_code != 200 or answer.mimetype != "text/html":
            return None
        return answer.get_data(as_text=True)


def _filled(html, path):
    forms = _Forms(path)
    forms.feed(html)
    number = forms.best()
    if number is None:
        return None
    filler = _Filler(number, forms.found[number]["id"])
    filler.feed(html)
    filler.close()
    return "".join(filler.out) if filler.is_filled else None


class _Forms(HTMLParser):
    """The forms of a page that are sent to where this request came."""

    def __init__(self, path):
        super().__init__()
        self.path = path
        self.found: list[dict] = []
        self.inside: int | None = None

    def handle_starttag(self, tag, attributes):
        about = dict(attributes)
        if tag == "form":
            action = urlsplit(about.get("action") or self.path).path
            mine = action == request.path and (about.get("method") or "").lower() == "post"
            self.found.append({"mine": mine, "id": about.get("id"), "fields": []})
            self.inside = len(self.found) - 1
        elif tag in FIELDS and about.get("name") not in (None, "", *OURS) and self.inside is not None:
            form = self.found[self.inside]
            if about.get("form") in (None, form["id"]):
                value = about.get("value") or "" if about.get("type") == "hidden" else None
                form["fields"].append((about["name"], value))

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = None

    def best(self):
        """The number of the form that was sent: of several, the one whose fields and hidden values came."""
        mine = [number for number, form in enumerate(self.found) if form["mine"]]
        return max(mine, key=self._agreement, default=None)

    def _agreement(self, number):
        sent = request.form
        fits = [
            name in sent if value is None else value in sent.getlist(name)
            for name, value in self.found[number]["fields"]
        ]
        return 2 * sum(fits) - len(fits)


class _Filler(HTMLParser):
    """The page again, sign for sign, but for the values of one form's fields."""

    def __init__(self, number, id):
        super().__init__(convert_charrefs=False)
        self.number, self.id = number, id
        self.out, self.forms, self.inside, self.is_filled = [], -1, False, False
        self.left = {name: request.form.getlist(name) for name in request.form}
        self.select, self.skips = None, False

    def _is_field(self, about):
        owner = about.get("form")
        inside = owner == self.id if owner else self.inside
        return inside and about.get("name") in self.left

    def handle_starttag(self, tag, attributes):
        text, about = self.get_starttag_text() or "", dict(attributes)
        if tag == "form":
            self.forms += 1
            self.inside = self.forms == self.number
        elif tag == "select":
            self.select = self.left[about["name"]] if self._is_field(about) else None
        elif tag == "option" and self.select is not None:
            text = _tag(tag, about, "selected", about.get("value") in self.select)
            self.is_filled = True
        elif tag == "input" and self._is_field(about) and about.get("type") not in VOID_TYPES:
            text = self._input(about)
        self.out.append(text)
        if tag == "textarea" and self._is_field(about):
            self.out.append("\n" + escape(self._next(about["name"]), quote=False))
            self.skips = self.is_filled = True

    def _input(self, about):
        name, self.is_filled = about["name"], True
        if about.get("type") in ("checkbox", "radio"):
            is_on = (about.get("value") or "on") in request.form.getlist(name)
            return _tag("input", about, "checked", is_on)
        return _tag("input", about | {"value": self._next(name)})

    def _next(self, name):
        values = self.left[name]
        return values.pop(0) if len(values) > 1 else values[0]

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)

    def handle_endtag(self, tag):
        if tag == "form":
            self.inside = False
        elif tag == "select":
            self.select = None
        elif tag == "textarea":
            self.skips = False
        self.out.append(f"</{tag}>")

    def handle_data(self, data):
        if not self.skips:
            self.out.append(data)

    def handle_entityref(self, name):
        self.handle_data(f"&{name};")

    def handle_charref(self, name):
        self.handle_data(f"&#{name};")

    def handle_comment(self, data):
        self.out.append(f"<!--{data}-->")

    def handle_decl(self, decl):
        self.out.append(f"<!{decl}>")


def _tag(tag, attributes, mark="", is_on=False):
    """The tag anew, with or without a word such as `checked`."""
    about = {name: value for name, value in attributes.items() if name != mark} | ({mark: None} if is_on else {})
    written = (name if value is None else f'{name}="{escape(value)}"' for name, value in about.items())
    return f"<{' '.join([tag, *written])}>"

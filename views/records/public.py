"""What strangers see of a public link: one address, no cookie, no session, no script of anybody else."""

from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, Response, redirect, render_template, request
from markupsafe import Markup

from database.clock import local, read_in, reader_zone, time_zones
from database.scope import inside
from domain import Invalid, NotFound, Refused
from domain.base import allowances
from domain.fields.kinds import Unfit, clean
from domain.fields.records.leftover import LeftOver, plain_cell
from domain.lists import attachments, markdown
from domain.records.public import answers, forms, kiosks, links, quarantine, reported, shared, spam
from views import access
from views.lists import files
from views.places import network
from views.safety import headers, limits, marks

blueprint = Blueprint("public", __name__)
SEND = 32 * 1024**2  # bytes of a form with its files
CSP = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; form-action 'self'; "
    "base-uri 'none'; frame-ancestors {ancestors}"
)


# --- how it is answered ----------------------------------------------------------------------------------------------


def _page(template, link, status=200, **context):
    about = {"link": link, "settings": link.settings if link else {}, "token": _token()}
    about |= {"key": request.values.get("key", "")[:100], "text": _text}
    return _guarded(Response(render_template(template, **about | context), status), link)


def _token():
    return (request.view_args or {})["token"]


def _text(words):
    """What a builder wrote, as Markdown."""
    return Markup(markdown.html(words or ""))  # noqa: S704  it is sanitized


def _guarded(answer, link):
    """For nobody's index, cache, cookie or referrer, and inside pages of the origins that its builder named alone."""
    settings = link.settings if link else {}
    ancestors = " ".join(settings.get("embed", "").split()) or "'none'"
    answer.headers["Content-Security-Policy"] = CSP.format(ancestors=ancestors)
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-store"
    if not settings.get("indexed"):
        answer.headers["X-Robots-Tag"] = "noindex, nofollow"
    return answer


def _refusal_page(refusal, link=None):
    """A page that says no, in words."""
    page = _page("records/public/over.html", link, refusal.status, sentence=refusal.sentence)
    if "retry_after" in refusal.details:
        page.headers["Retry-After"] = str(refusal.details["retry_after"])
    return page


def _here():
    return network(limits.address())


def standing(view, opens=links.is_unlocked):
    """The view gets the link as it is opened now; whatever refuses is a page in words, and names nobody. `opens` says
    whether a key does, where the link has a password."""

    def stand(token, **parts):
        link = None
        try:
            link, organization = links.behind(token)
            allowances.spend("public_pages", f"{link.id}|{_here()}")
            zone = request.values.get("zone", "")
            read_in(zone if zone in time_zones() else organization.timezone)
            with inside(organization):
                opened = links.opened(link)
                if not opens(link, request.values.get("key")):
                    return _locked(link)
                links.note_use(link)
                return view(opened, **parts)
        except Refused as refusal:
            return _refusal_page(refusal, link)

    stand.__name__, stand.__doc__ = view.__name__, view.__doc__
    return stand


by_secret = partial(standing, opens=lambda *_: True)  # one's own answer: its address is secret enough
# A page that was drawn while the key held is sent later, and nothing that was written is lost.
sending = partial(standing, opens=partial(links.is_unlocked, grace=spam.LATEST))


def _locked(link, refusal=None):
    errors = refusal.beside() if refusal else {}
    status = refusal.status if refusal else 403
    if request.method == "GET":
        query = [(name, text) for name, text in request.args.items(multi=True) if name != "key"]
        back = request.path + (f"?{urlencode(query)}" if query else "")
    else:
        back = request.form.get("back", "")
    return _page("records/public/password.html", link, status, errors=errors, back=back[:2000])


def _at(opened, rest="", **query):
    key = request.values.get("key", "")[:100]
    asked = urlencode(query | ({"key": key} if key else {}))
    return f"/p/{_token()}{rest}" + (f"?{asked}" if asked else "")


# --- by purpose ------------------------------------------------------------------------------------------------------

SHOWN: dict[str, Any] = {}  # purpose → (opened) → its first page


@blueprint.get("/p/<token>")
@access.holder
@standing
def show(opened):
    """A link's page."""
    return SHOWN[opened.purpose.key](opened)


@blueprint.post("/p/<token>/password")
@access.holder
@marks.from_anywhere
def unlock(token):
    """Open a link with its password: the key that it gives travels in addresses, for half a day."""
    link = None
    try:
        link, organization = links.behind(token)
        with inside(organization):
            links.opened(link)
            key = links.unlock(link, request.form.get("password", "")[:400], _here())
            return _guarded(redirect(links.behind_password(token, request.form.get("back", ""), key), 303), link)
    except Invalid as refusal:
        return _locked(link, refusal)
    except Refused as refusal:
        return _refusal_page(refusal, link)


@blueprint.get("/admin/public-links/<token>")
@access.platform("moderation.review")
def look(token):
    """A reported page, for who decides about it: also while it is hidden. `token` is its name."""
    link, organization = reported.found(token)
    with inside(organization):
        try:
            return SHOWN[link.purpose](links.opened(link, is_reviewed=True))
        except Refused as refusal:
            return _refusal_page(refusal, link)


# --- forms -----------------------------------------------------------------------------------------------------------


def _form(opened, values=None, errors=None, status=200, is_old=False):
    link, asked = opened.link, forms.questions(opened)
    if links.is_full(link) and values is None:
        raise links.full(link)
    shown = forms.prefilled(asked, request.args) if values is None else values
    return _page(
        "records/public/form.html",
        link,
        status,
        questions=asked,
        values=shown,
        zone=reader_zone(),
        is_zoned=any(one.kind_name == "moment" and shown.get(one.name) for one in asked),
        errors=errors or {},
        stamp=(None if is_old else _kept_stamp(link)) or spam.stamp(link),
        trap=spam.TRAP,
        bits=spam.BITS,
        sends_files=any(question.kind_name == "files" for question in asked),
        most_files=(quarantine.MOST_FILES, quarantine.MOST // 1024**2),
        is_again=values is not None,
        reported=reported.address(link),
        at=_at(opened, "/files" if any(question.kind_name == "files" for question in asked) else ""),
    )


def _view(opened):
    args, key = request.args, request.args.get("key", "")[:100]
    try:
        page = shared.page(opened, args, _here())
    except Invalid as refusal:
        return _refusal_page(refusal, opened.link)
    listing = page.listing
    asked = {name: args[name][:200] for name in ("q", "sort", "month", "in") if args.get(name)}
    asked |= {f.name: args[f.name][:50] for f in listing.fields if args.get(f.name)}
    kinds = {f.name: opened.shape.by_name[f.name].kind_name for f in listing.fields}

    def address(row, one, **query):
        return _at(opened, f"/kept/{shared.file_address(opened, row.id, one)}", **query)

    def picture(row):
        """The first small picture of a row."""
        cells = (getattr(row, name) or () for name, kind in kinds.items() if kind == "files")
        return next((address(row, one, small="1") for cell in cells for one in cell if one.more), "")

    return _page(
        "records/public/view.html",
        opened.link,
        page=page,
        kinds=kinds,
        asked=asked,
        narrows=[f for f in listing.fields if kinds[f.name] in shared.CHOSEN and f.name != listing.board_by],
        plain=lambda field, value: plain_cell(field.kind, value),
        is_left_over=lambda value: isinstance(value, LeftOver),
        with_=lambda **more: f"/p/{_token()}?" + urlencode(asked | more | ({"key": key} if key else {})),
        file_address=address,
        picture=picture,
        zone=reader_zone(),
        reported=reported.address(opened.link),
        at=f"/p/{_token()}",
    )


SHOWN["view"] = _view


@blueprint.get("/p/<token>/kept/<secret>")
@access.holder
def kept(token, secret):
    """A file of a view, as a download; `small` is its little picture."""
    return _kept(token, secret=secret)


@standing
def _kept(opened, secret):
    if opened.purpose is not shared.VIEW:
        raise NotFound(links.GONE)
    file = shared.file(opened, secret)
    if request.args.get("small"):
        answer = Response(b"".join(attachments.content(file, small=True)), content_type="image/webp")
        answer.headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    else:
        answer = files.sent(file)
    answer.headers |= {"Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "X-Robots-Tag": "noindex"}
    return answer


def _kept_stamp(link):
    """The stamp of a form that comes back: it stays the same form, however often it is sent."""
    found = spam.stamp_of(link, request.form.get("stamp"))
    return found and found.text


SHOWN["form"] = _form


def _values(asked):
    """What was typed, as the form shows it again."""
    form = request.form
    return {
        one.name: form.getlist(one.name) if one.field.kind.several else form.get(one.name, "")
        for one in asked
        if one.name in form
    }


@sending
def _send(opened):
    if opened.purpose is not forms.FORM:
        raise NotFound(links.GONE)
    sent = {name: [(one.filename, one.stream) for one in request.files.getlist(name)] for name in request.files}
    try:
        _, secret = answers.take(opened, request.form, sent, network=_here())
    except links.Over:
        raise
    except Refused as refusal:
        asked = forms.questions(opened)
        return _form(opened, _values(asked), refusal.beside(), refusal.status, isinstance(refusal, spam.Old))
    if opened.link.settings["own"]:
        return _guarded(redirect(_at(opened, f"/answer/{secret}", sent="1"), 303), opened.link)
    return _guarded(redirect(_at(opened, "/thanks"), 303), opened.link)


@blueprint.post("/p/<token>")
@access.holder
@marks.from_anywhere  # no session is asked for, and what it does anybody may do; frames hide where they come from
def send(token):
    """An answer to a form."""
    return _send(token)


@blueprint.post("/p/<token>/files")
@access.holder
@marks.from_anywhere
@marks.takes(SEND)
def send_files(token):
    """An answer to a form that takes files."""
    return _send(token)


@blueprint.get("/p/<token>/thanks")
@access.holder
@sending
def thanks(opened):
    """What is said after an answer."""
    if opened.purpose is not forms.FORM:
        raise NotFound(links.GONE)
    return _page("records/public/thanks.html", opened.link, again=_at(opened))


# --- one's own answer ------------------------------------------------------------------------------------------------


@blueprint.get("/p/<token>/answer/<secret>")
@access.holder
def own(token, secret):
    """Somebody's own answer, as it stands now."""
    return _own(token, secret=secret)


@by_secret
def _own(opened, secret):
    return _draw_own(opened, secret)


def _draw_own(opened, secret, values=None, errors=None, status=200, is_saved=False):
    if opened.purpose is not forms.FORM:
        raise NotFound(links.GONE)
    answer = answers.own(opened, secret)
    words = answers.own_words(opened, answer)
    asked = [question for question in forms.questions(opened) if question.kind_name != "files"]
    is_changed = opened.link.settings["own"] == "change"
    return _page(
        "records/public/own.html",
        opened.link,
        status,
        questions=asked,
        was={one.name: words.get(one.name, "") for one in asked},
        values={one.name: _shown(one, words.get(one.name, "")) for one in asked} if values is None else values,
        plain={one.name: answers.plain(one, words[one.name]) for one in asked if words.get(one.name)},
        zone=reader_zone(),
        errors=errors or {},
        fixed={one.name for one in asked if answers.is_fixed(opened, one)},
        until=answers.until(opened, answer),
        may_change=is_changed,
        is_sent="sent" in request.args,
        is_saved=is_saved or "saved" in request.args,
        at=_at(opened, f"/answer/{secret}"),
    )


def _shown(question, text):
    """A kept text as its control shows it."""
    if not question.field.kind.several:
        return text
    try:
        value = question.field.read([text]) if text else None
    except Unfit:
        return []
    return [str(id) for id in value or ()]


@blueprint.post("/p/<token>/answer/<secret>")
@access.holder
@marks.from_anywhere
def change_own(token, secret):
    """Change one's own answer."""
    return _change_own(token, secret=secret)


@by_secret
def _change_own(opened, secret):
    form = request.form.copy()
    was = {name.removeprefix("was_"): clean(form[name]) for name in form if name.startswith("was_")}
    for one in forms.questions(opened):  # a control says neither seconds nor which of a doubled hour it is
        if one.kind_name == "moment" and was.get(one.name) and form.get(one.name) == moment_typed(was[one.name]):
            form[one.name] = was[one.name]
    try:
        answers.change_own(opened, secret, form, was=was)
    except NotFound:
        raise
    except Refused as refusal:
        asked = forms.questions(opened)
        return _draw_own(opened, secret, _values(asked), refusal.beside(), refusal.status)
    return _guarded(redirect(_at(opened, f"/answer/{secret}", saved="1"), 303), opened.link)


@blueprint.app_template_filter("moment_typed")
def moment_typed(text):
    """A moment as a control for one has it: on the reader's clock, without a zone; what is none stays as typed."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return f"{local(moment) if moment.tzinfo else moment:%Y-%m-%dT%H:%M}"


# --- kiosks ----------------------------------------------------------------------------------------------------------


def _kiosk(opened, refusal=None):
    """What was asked for by a code, with the one button; after it was pressed, what was done."""
    code, done = request.values.get("code", "")[:200], request.args.get("done", "")[:200]
    row = None
    try:
        row = kiosks.found(opened, code or done) if code or done else None
    except Refused as problem:
        refusal = refusal or problem
    answer = _page(
        "records/public/kiosk.html",
        opened.link,
        refusal.status if refusal else 200,
        code=code,
        is_done=bool(done and not code and row),
        shown=kiosks.shown(opened, row) if row else (),
        button=kiosks.button_of(opened).label,
        problem=refusal.sentence if refusal else "",
        at=_at(opened),
        again=request.values.get("key", "")[:100],
    )
    answer.headers["Content-Security-Policy"] += "; worker-src 'self'"  # what reads the camera's codes
    return headers.seeing(answer)


SHOWN["kiosk"] = _kiosk


@blueprint.post("/p/<token>/press")
@access.holder
@marks.from_anywhere
@standing
def press(opened):
    """The one button of a kiosk, on the row that a code names."""
    if opened.purpose is not kiosks.KIOSK:
        raise NotFound(links.GONE)
    code = request.form.get("code", "")[:200]
    try:
        kiosks.press(opened, code)
    except Refused as refusal:
        return _kiosk(opened, refusal)
    return _guarded(redirect(_at(opened, done=code), 303), opened.link)

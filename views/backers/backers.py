"""Crowdfunding: the form before an account, and the admin's list, imports and tiers.

A browser carries its claim in the signed cookie, so that it lives through a mailed code and a redirect.
"""

from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Blueprint, redirect, session
from htmx_flask import request

from domain import Invalid, NotFound, Refused
from domain.backers import backer_codes, backer_desk, backer_imports, backers, tiers
from domain.base import settings
from domain.base.allowances import spend
from domain.fields.kinds import whole
from domain.lists import rows as listed_rows
from domain.organizations import invitations
from views import access, cookies, pages
from views.lists import export, routes
from views.safety.limits import limited

blueprint = Blueprint("backers", __name__)

LINES = 100  # of an import, on a page


# --- what a browser carries -------------------------------------------------------------------------------


def carried():
    """The Claim of this browser, or None."""
    return backers.claim(session.get(cookies.BACKER))


def forget():
    session.pop(cookies.BACKER, None)


def let_go(refusal):
    """A claim that isn't good any more is forgotten, so that the page asks for another."""
    if isinstance(refusal, backers.NotClaimed):
        forget()


def to_the_gate(refusal, back=None, next=None):
    """To the form for name and code, with a word on why; afterwards on to `back`, where a mailed code waits."""
    forget()
    session.pop(cookies.BACKER_BACK, None)
    if back:
        session[cookies.BACKER_BACK] = back
    return pages.go("/sign-up" + _and_next(next), refusal.sentence, "bad")


def _and_next(target):
    return f"?next={quote(target, safe='')}" if target else ""


@dataclass(frozen=True)
class Gate:
    """What the sign-up pages show: `shut` until a code was verified; then whose it is, and until when."""

    shut: bool = False
    backer: Any = None


def gate(target=None):
    """The gate as it stands for this browser; an invitation in `target` may open it."""
    if not settings.get("crowdfunding_active"):
        return Gate()
    backer = backers.held(carried())
    return Gate(shut=backer is None and not _invited(target), backer=backer)


def _invited(target):
    if not settings.get("crowdfunding_invite_bypass") or "invitationId=" not in (target or ""):
        return False
    try:
        return invitations.look(target.partition("invitationId=")[2].partition("&")[0], None).refusal is None
    except NotFound:
        return False


@blueprint.record_once
def _globals(state):
    """Many pages change with the campaign: they ask for themselves."""
    state.app.jinja_env.globals.update(
        crowdfunding=lambda: settings.get("crowdfunding_active"), backer_gate=gate, backer_worth=tiers.worth
    )


@blueprint.get("/sign-up/backer")
@access.public
def begin():
    """Where a refused form's page stands, when it is loaded again: the form is part of the sign-up page."""
    return redirect("/sign-up" + _and_next(access.same_site(request.args.get("next"))))


@blueprint.post("/sign-up/backer")
@limited("backer")
@access.public
def verify():
    form, target = request.form, access.same_site(request.form.get("next"))
    place = "/sign-up/code" if form.get("way") == "code" else "/sign-up"
    try:
        backer, token = backers.verify(form.get("username", ""), form.get("code", ""), allow=partial(spend, "backers"))
    except backers.NotClaimed as refusal:
        values = {"username": form.get("username", "")[: backer_codes.NAME], "email": ""}
        template = "people/auth/sign_up_code.html" if place.endswith("code") else "people/auth/sign_up.html"
        errors = {"backer": refusal.sentence}
        return pages.page(template, refusal.status, values=values, errors=errors, next=target)
    session[cookies.BACKER] = (backer.id, token)
    back = session.pop(cookies.BACKER_BACK, None)
    if back and (session.get(cookies.SIGN_UP) or session.get(cookies.IDENTITY)):
        return pages.go(back, "Your code is verified again. Enter the six digits from the letter now.")
    return pages.go(place + _and_next(target))


# --- the admin's list -------------------------------------------------------------------------------------


everybody = routes.add(
    blueprint,
    listed_rows.Rules(backer_desk.listing),
    "/admin/backers",
    side="platform",
    template="backers/index.html",
    context=lambda place: {"tiers": tiers.everything(), "values": {}, "errors": {}},
)


@blueprint.post("/admin/backers")
@access.platform("backers.write")
def add():
    form = request.form
    try:
        backer, code = backers.add(
            form.get("username", ""), form.get("code", ""), whole(form.get("tier")), by=access.me()
        )
    except Refused as refusal:
        values = {"username": form.get("username"), "code": form.get("code"), "tier": form.get("tier")}
        return everybody.page(refusal.status, values=values, errors=refusal.beside("username"))
    about = {"backer": backers.one(backer.id), "account": None, "code": code, "here": "backers"}
    return pages.instead("backers/show.html", f"/admin/backers/{backer.id}", **about)


@blueprint.get("/admin/backers/<id:id>")
@access.platform("backers.write")
def show(id):
    backer = backers.one(id)
    return pages.page("backers/show.html", backer=backer, account=backers.account(backer), here="backers")


@blueprint.post("/admin/backers/<id:id>/release")
@access.platform("backers.write")
def release(id):
    backer = backers.release(id, by=access.me())
    return pages.go(f"/admin/backers/{id}", f"The code of {backer.username} is free again.")


# --- imports ----------------------------------------------------------------------------------------------


@blueprint.get("/admin/backers/imports")
@access.platform("backers.write")
def imports():
    return _imports()


def _imports(refusal=None, **extra):
    return pages.page(
        "backers/imports.html",
        refusal.status if refusal else 200,
        imports=backer_imports.recent(),
        tiers=tiers.everything(),
        errors=refusal.fields if refusal else {},
        here="backers",
        **{"values": {}} | extra,
    )


@blueprint.post("/admin/backers/imports")
@access.platform("backers.write")
def check():
    sent, pasted = request.files.get("file"), request.form.get("lines", "")
    data = sent.read(backer_imports.SIZE + 1) if sent and sent.filename else pasted.encode()
    name = sent.filename if sent and sent.filename else ""
    try:
        held = backer_imports.check(data, name, whole(request.form.get("tier")), by=access.me())
    except Invalid as refusal:
        return _imports(refusal, values={"lines": pasted, "tier": request.form.get("tier")})
    return pages.go(f"/admin/backers/imports/{held.id}")


@blueprint.get("/admin/backers/imports/<id:id>")
@access.platform("backers.write")
def show_import(id):
    held = backer_imports.one(id)
    verdict = request.args.get("only", "")
    order = ("wrong", "new", "known")  # what needs a look comes first
    rows = sorted(held.rows, key=lambda row: order.index(row[4]))
    rows = [row for row in rows if verdict not in order or row[4] == verdict]
    start = whole(request.args.get("from", "")) or 0
    work = backer_imports.progress(held)
    return pages.page(
        "backers/import.html",
        around=None if work and work.is_open else {"import_progress": "import_area"},
        held=held,
        work=work,
        rows=rows[start : start + LINES],
        more=start + LINES if len(rows) > start + LINES else None,
        only=verdict,
        tiers=pages.later(lambda: {tier.id: tier.name for tier in tiers.everything()}),
        here="backers",
    )


@blueprint.post("/admin/backers/imports/<id:id>/confirmation")
@access.platform("backers.write")
def confirm(id):
    held = backer_imports.confirm(id, by=access.me())
    return pages.go(f"/admin/backers/imports/{held.id}")


@blueprint.get("/admin/backers/imports/<id:id>/errors.csv")
@access.platform("backers.write")
def errors(id):
    held = backer_imports.one(id)
    rows = ((line, name, why) for line, name, _, _, verdict, why in held.rows if verdict == "wrong")
    return export.download("backer-errors", ("Line", "Username", "Why"), rows)


@blueprint.post("/admin/backers/imports/<id:id>/codes")
@access.platform("backers.write")
def codes(id):
    """A file as the answer to a form: handed over once, and never in an address."""
    found = backer_imports.hand_over(id, by=access.me())
    response = export.download("backer-codes", ("Username", "Code", "Tier"), found)
    response.headers["Cache-Control"] = "no-store"
    return response

"""Anybody reports what they see: a plain form, without a script, and nobody else hears of it."""

from flask import Blueprint, request

from domain import Refused
from domain.moderation import reports, subjects
from views import access, held, pages
from views.places import network
from views.safety import limits

blueprint = Blueprint("reporting", __name__)
TRAP = "website"  # a field that people don't see: whoever fills it is a machine


def _reporter():
    return reports.reporter(access.me(), network(limits.address()), request.headers.get("User-Agent", ""))


def _draw(seen, refusal=None, done=""):
    errors = refusal.beside() if refusal else {}
    page = pages.page(
        "moderation/report.html",
        refusal.status if refusal else 200,
        seen=seen,
        label=subjects.of(seen.kind).label,
        reasons=reports.REASON.choices,
        fields={field.name: field for field in reports.FORM},
        values=request.form,
        errors=errors,
        problem=errors.get("form", ""),
        done=done,
        trap=TRAP,
    )
    return held.for_its_holder(page)


@blueprint.get("/report/<kind>/<name>")
@access.public
def show(kind, name):
    return _draw(subjects.find(kind, name))


@blueprint.post("/report/<kind>/<name>")
@access.public
@limits.limited("report")
def send(kind, name):
    seen = subjects.find(kind, name)
    if request.form.get(TRAP):
        return _draw(seen, done="sent")
    try:
        is_hidden = reports.report(seen, request.form, by=_reporter())
    except Refused as refusal:
        if refusal.status == 404:
            raise
        return _draw(seen, refusal)
    return _draw(seen, done="hidden" if is_hidden else "sent")


@blueprint.post("/report/<kind>/<name>/withdrawal")
@access.public
@limits.limited("report")
def withdraw(kind, name):
    seen = subjects.find(kind, name)
    reports.withdraw(seen, by=_reporter())
    return _draw(seen, done="withdrawn")

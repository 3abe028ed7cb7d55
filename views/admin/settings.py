"""Settings of the site, edited in place."""

from dataclasses import replace

from flask import Blueprint
from htmx_flask import request

from domain import Invalid, Stale, existing
from domain.base import settings
from domain.base.allowances import spend
from domain.fields.forms import as_text
from views import access, pages

blueprint = Blueprint("settings", __name__, url_prefix="/admin/settings")


def item(field, row=None, **extra):
    """What a setting's row shows; its form's control is called «value»."""
    value = settings.get(field.name)
    default = (field.kind.plain(field.default) or "empty").rstrip(".")
    asked = replace(field, name="value", help=f"{field.help} Default: {default}.".strip())
    text = as_text(field, value)
    return {
        "field": field,
        "asked": asked,
        "value": value,
        "row": row,
        "error": None,
        "text": text,
        "was": text,
    } | extra


def _setting(name, **extra):
    field = existing(settings.REGISTRY.get(name), "There is no such setting.")
    return item(field, settings.rows().get(name), **extra)


@blueprint.get("")
@access.platform("settings.write")
def all_settings():
    settings.forget()
    rows = settings.rows()
    groups = {
        label: [item(field, rows.get(field.name)) for field in fields] for label, fields in settings.GROUPS.items()
    }
    return pages.page("admin/settings.html", groups=groups, here="settings")


@blueprint.get("/<name>")
@access.platform("settings.write")
def setting(name):
    """One setting: to be edited, with its history; `?show` as it stands."""
    settings.forget()
    return _shown(name, editing="show" not in request.args)


def _shown(name, status=200, editing=True, **extra):
    about = {"item": _setting(name, **extra), "history": list(settings.history(name))}
    if not request.htmx:
        return pages.page("admin/setting.html", status, here="settings", **about)
    return pages.fragment("admin/_setting.html", status=status, editing=editing, **about)


@blueprint.post("/<name>")
@access.platform("settings.write")
def change_setting(name):
    text = request.form.get("value", "")
    if name in settings.STATES:
        spend("states", access.me())
    try:
        settings.change(name, text, by=access.me(), was=pages.was().get("value"))
    except (Invalid, Stale) as refusal:
        settings.forget()
        return _shown(name, refusal.status, text=text, error=refusal.fields[name])
    return _changed(name)


@blueprint.post("/<name>/return/<id:id>")
@access.platform("settings.write")
def put_back(name, id):
    if name in settings.STATES:
        spend("states", access.me())
    settings.put_back(name, id, by=access.me())
    return _changed(name, undone=True)


def _changed(name, undone=False):
    """The row as it stands, the name of the site where it is shown, and a word with Undo."""
    settings.forget()
    shown = _setting(name)
    said = f"{shown['field'].label}: {shown['field'].kind.plain(shown['value']) or 'empty'}."
    if not request.htmx:
        return pages.go("/admin/settings", said)
    about = {"beside": not request.htmx.target, "renamed": name == "site_name"}
    piece = pages.fragment("admin/_setting.html", item=shown, editing=False, history=[], **about)
    last = settings.history(name, 1).first()
    undo = f"/admin/settings/{name}/return/{last.id}" if last and not undone else None
    return pages.answer(piece, pages.notice("good", said, undo))

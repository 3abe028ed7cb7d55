"""Settings of the site, edited in place."""

from flask import Blueprint
from htmx_flask import request

from domain import Invalid, NotFound
from domain.base import settings
from views import access, pages
from views.safety import spend

blueprint = Blueprint("settings", __name__, url_prefix="/admin/settings")


def _setting(name, **extra):
    field = settings.REGISTRY.get(name)
    if field is None:
        raise NotFound("There is no such setting.")
    row = settings.rows().get(name)
    last = settings.history(name, 1).first()
    return {"field": field, "value": settings.get(name), "row": row, "last": last, "error": None} | extra


@blueprint.get("")
@access.platform("settings.write")
def all_settings():
    settings.forget()
    rows = settings.rows()
    groups = {
        label: [
            {
                "field": field,
                "value": settings.get(field.name),
                "row": rows.get(field.name),
                "last": settings.history(field.name, 1).first() if field.name in rows else None,
                "error": None,
            }
            for field in fields
        ]
        for label, fields in settings.GROUPS.items()
    }
    return pages.page("admin/settings.html", groups=groups, here="settings")


@blueprint.get("/<name>")
@access.platform("settings.write")
def setting(name):
    """One setting: to be edited, with its history; `?show` as it stands."""
    settings.forget()
    editing = "show" not in request.args
    history = list(settings.history(name))
    if not request.htmx:
        return pages.page("admin/setting.html", item=_setting(name), history=history, here="settings")
    return pages.fragment("admin/_setting.html", item=_setting(name), editing=editing, history=history)


@blueprint.post("/<name>")
@access.platform("settings.write")
def change_setting(name):
    text = request.form.get("value", "")
    if name in settings.STATES:
        spend("states", access.me())
    try:
        settings.change(name, text, by=access.me())
    except Invalid as refusal:
        item = _setting(name, error=refusal.fields[name])
        if not request.htmx:
            return pages.page("admin/setting.html", 422, item=item, text=text, history=[], here="settings")
        return pages.fragment("admin/_setting.html", status=422, item=item, editing=True, text=text, history=[])
    return _changed(name)


@blueprint.post("/<name>/return/<id:id>")
@access.platform("settings.write")
def put_back(name, id):
    if name in settings.STATES:
        spend("states", access.me())
    settings.put_back(name, id, by=access.me())
    return _changed(name)


def _changed(name):
    settings.forget()
    item = _setting(name)
    said = f"{item['field'].label}: {item['field'].kind.plain(item['value']) or 'empty'}."
    if not request.htmx:
        return pages.go("/admin/settings", said)
    piece = pages.fragment("admin/_setting.html", item=item, editing=False, history=[])
    return pages.answer(piece, pages.notice("good", said))

"""An organization's saved charts: in their order, named, shared, put on the home page, removed."""

from flask import Blueprint, g
from htmx_flask import request

from domain import Invalid
from domain.charts import figures, saved_charts
from domain.fields.kinds import whole
from domain.imports import targets
from views import access, pages
from views.lists.charts import Drawn

blueprint = Blueprint("dashboards", __name__)
HERE = "/<organization>/dashboard"
ICONS = ("chart-bar", "grip-vertical", "pencil", "home", "chevron-up", "chevron-down", "x", "lock")


class Shown:
    """A saved chart as somebody sees it: drawn, or with `drawn` None where it can't be."""

    def __init__(self, saved, asked, by):
        self.saved, self.may_change = saved, saved_charts.may_change(saved, by)
        self.drawn, self.table, self.url = None, saved.listing, ""
        if asked is not None:
            self.table = f"{asked.listing.table} {asked.listing.hears}".strip()
            url = targets.address(saved.listing, by)
            self.url = f"{url}?view=chart&{saved.query}&chart={saved.id}"
            self.drawn = Drawn(asked, figures.figures(asked, saved.query, by), url, saved.query)
            self.drawn.within = targets.parent_called(saved.listing)


def shown(charts, by):
    """Those of the charts that this member sees whole, and of the others those that they may see to."""
    found = ((saved, saved_charts.opened(saved, by)) for saved in charts)
    return [Shown(saved, asked, by) for saved, asked in found if asked or saved_charts.may_change(saved, by)]


def on_home(by):
    """What stands on the home page for a member."""
    return [one for one in shown(saved_charts.pinned(by), by) if one.drawn]


@blueprint.get(HERE)
@access.member("charts.read")
def index():
    return _page()


def _page():
    shared, own = (shown(charts, g.by) for charts in saved_charts.of(g.by))
    return pages.page("charts/index.html", shared=shared, own=own, base=_base(), here="dashboards")


def _base():
    return f"/{g.by.organization.slug}/dashboard"


@blueprint.get(HERE + "/<id:chart>")
@access.member("charts.read")
def edit(chart):
    found = saved_charts.found(chart, g.by)
    return _form(found, {"name": found.name, "shared": found.is_shared, "home": found.is_home}, {})


def _form(chart, values, errors, status=200):
    about = {"chart": chart, "values": values, "errors": errors, "base": _base(), "here": "dashboards"}
    return pages.in_dialog("charts/_dialog.html", "charts/edit.html", status, **about)


@blueprint.post(HERE + "/<id:chart>")
@access.member("charts.read")
def update(chart):
    form = request.form
    given = {"name": form.get("name", ""), "shared": form.get("shared") == "1"}
    home = form.get("home") == "1" if g.by.may("charts.manage") else None
    try:
        changed = saved_charts.change(chart, given["name"], by=g.by, shared=given["shared"] or bool(home), home=home)
    except Invalid as refusal:
        return _form(saved_charts.found(chart, g.by), given | {"home": home}, refusal.fields, refusal.status)
    return pages.go(_base(), f"“{changed.name}” is saved.")


@blueprint.post(HERE + "/<id:chart>/place")
@access.member("charts.read")
def move(chart):
    form = request.form
    before = (whole(form["before"]) or 0) if "before" in form else None
    moved = saved_charts.move(chart, by=g.by, step={"up": -1, "down": 1}.get(form.get("to", ""), 0), before=before)
    if request.htmx:
        return _page()
    return pages.go(f"{_base()}#chart_{moved.id}")


@blueprint.post(HERE + "/<id:chart>/removal")
@access.member("charts.read")
def remove(chart):
    gone = saved_charts.remove(chart, by=g.by)
    return pages.go(_base(), f"“{gone.name}” is removed.", undo=f"{_base()}/{gone.id}/restoration")


@blueprint.post(HERE + "/<id:chart>/restoration")
@access.member("charts.read")
def restore(chart):
    back = saved_charts.restore(chart, by=g.by)
    return pages.go(_base(), f"“{back.name}” is back.")

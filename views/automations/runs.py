"""The log of runs, and one run with what each of its steps did."""

from flask import Blueprint, g

from domain.automations import runs, steps
from domain.lists import rows
from views import access, pages
from views.lists import routes

blueprint = Blueprint("automation_runs", __name__)
routes.add(
    blueprint,
    rows.Rules(runs.listing),
    "/automations/runs",
    nav="automations",
    template="automations/runs.html",
)


@blueprint.get("/<organization>/automations/runs/<id:id>")
@access.member("automations.write")
def show(id):
    run = runs.one(id, g.by)
    return pages.page(
        "automations/run.html",
        run=run,
        about=runs.row_of(run, g.by),
        kinds=steps.KINDS,
        todo=run.version.body["steps"],
        STATE=runs.STATE,
        at=f"/{g.by.organization.slug}/automations",
        here="automations",
    )

"""What came of campaigns and templates of flyers: charts, each with its numbers as a table, and all as a file."""

import csv
import io

from flask import Blueprint, Response, g, request

from domain.charts import groupings
from domain.charts.figures import Figures
from domain.flyers import figures
from views import access, pages
from views.flyers import managing
from views.lists import routes
from views.lists.charts import Drawn

blueprint = Blueprint("flyer_figures", __name__)
routes.add(blueprint, figures.rules, "/flyers/figures", context=lambda place: managing.tabs("figures"), **managing.LIST)


class Told(Drawn):
    """A chart of sums that no list has, as templates/lists/_figures.html draws it."""

    def __init__(self, figure, gaps):
        self.chart, self.tally, self.job, self.found = figure.chart, figure.tally, None, Figures(figure.tally)
        self.figure, self.key = figure, figure.key
        if figure.chart.is_over_time:
            self.gaps = frozenset(groupings.labels(figure.chart, sorted(gaps)).values())

    @property
    def said(self):
        return self.figure.said

    @property
    def in_columns(self):
        return self.chart.is_over_time or self.key == "hours"

    def _address(self, key):
        return None


def _kind():
    asked = request.args.get("of", "")
    return asked if asked in figures.KIND.words else "generate"


def _draw(one, found, here):
    kind = _kind()
    return pages.page(
        "flyers/figures.html",
        one=one,
        told=[Told(figure, found.gaps) for figure in found.figures],
        lost=found.lost,
        brought=found.brought,
        kinds=figures.KIND.choices,
        kind=kind,
        about=figures.ABOUT,
        url=here,
        base=f"/{g.by.organization.slug}",
        here="flyers",
    )


def _as_file(found, name):
    """Each figure in a line: which chart, which group, how many."""
    text = io.StringIO()
    lines = csv.writer(text)
    lines.writerow(("Chart", "Group", "Count"))
    for told in (Told(figure, found.gaps) for figure in found.figures):
        for group in told.series[0].groups if told.tally.looked else ():
            lines.writerow((told.said, group.label, int(group.total)))
    head = {"Content-Disposition": f'attachment; filename="{name}.csv"'}
    return Response(text.getvalue(), headers=head, content_type="text/csv; charset=utf-8")


@blueprint.get("/<organization>/flyers/figures/<id:id>")
@access.member("flyers.read")
def show(id):
    one = figures.campaign(id)
    return _draw(one, figures.of_campaign(one, _kind()), f"/{g.by.organization.slug}/flyers/figures/{id}")


@blueprint.get("/<organization>/flyers/figures/<id:id>/figures.csv")
@access.member("flyers.read")
def file(id):
    one = figures.campaign(id)
    return _as_file(figures.of_campaign(one, _kind()), one.slug)


@blueprint.get("/<organization>/flyers/figures/templates/<id:id>")
@access.member("flyers.read")
def show_template(id):
    one = figures.template(id)
    return _draw(one, figures.of_template(one, _kind()), f"/{g.by.organization.slug}/flyers/figures/templates/{id}")


@blueprint.get("/<organization>/flyers/figures/templates/<id:id>/figures.csv")
@access.member("flyers.read")
def template_file(id):
    one = figures.template(id)
    return _as_file(figures.of_template(one, _kind()), f"template-{id}")

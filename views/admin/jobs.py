"""What runs by itself, for the staff: the calendar, a job at once, and how each ran."""

import jobs
from domain import NotFound
from domain.lists import rows
from domain.operations.runs import alarms, leases, past_runs
from jobs import listed
from views.lists import routes

blueprint = routes.platform(rows.Rules(listed.listing), "/admin/jobs")


def _runs_of(table):
    if table not in jobs.BY_NAME:
        raise NotFound("There is no such job.")
    return rows.Rules(past_runs.of(table, jobs.BY_NAME[table].label))


def _state(place):
    job = jobs.BY_NAME[place.listing.version]
    return {
        "job": job,
        "schedule": listed.when(job.trigger),
        "run": leases.running().get(job.name),
        "chart": past_runs.chart(job.name),
        "alarms": [alarm for alarm in alarms.open_ones() if alarm.job == job.name],
        "running": "admin/jobs/_standing.html",
    }


routes.add(
    blueprint,
    rows.Rules(past_runs.listing),
    "/admin/jobs/<table>",
    side="platform",
    nav="jobs",
    template="admin/jobs/show.html",
    context=_state,
    find=_runs_of,
    prefix="runs_",
)

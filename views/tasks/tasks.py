"""The task board: everything a listed table has, with the organization's labels."""

from flask import g, request

from domain.tasks import labels, tasks
from views.lists import routes


def _rules():
    """The tasks as they are labelled here; a label that is typed and isn't there yet is made first."""
    if request.method == "POST" and request.form.get("labels") and g.by.may("tasks.write"):
        labels.add_typed(request.form["labels"], by=g.by)
    return tasks.of(g.by)


blueprint = routes.organization(tasks.rules, find=_rules, template="tasks/index.html")

"""The task board: everything a listed table has."""

from domain.tasks import tasks
from views.lists import routes

blueprint = routes.organization(tasks.rules)

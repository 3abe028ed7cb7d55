"""The task board: everything a listed table has."""

from domain.tasks import tasks
from views import lists

blueprint = lists.blueprint(tasks.rules)

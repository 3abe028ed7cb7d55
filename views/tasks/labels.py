"""The labels of an organization's tasks, kept in order in one place."""

from domain.tasks import labels
from views.lists import routes

blueprint = routes.organization(labels.rules, "/tasks/labels", nav="tasks")

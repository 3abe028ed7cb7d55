"""What runs by itself, for the staff: the calendar, and a job at once."""

from domain.lists import rows
from jobs import listed
from views.lists import routes

blueprint = routes.platform(rows.Rules(listed.listing), "/admin/jobs")

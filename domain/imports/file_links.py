"""Links to one file for somebody without an account: signed, over within a day, and good only as long as whoever made
the link may see the file themselves.

Nothing is kept of a link: its address says whose it is and until when, under a key of the site.
"""

import hmac
import re
from datetime import UTC, datetime, timedelta

from database.clock import now, read_in
from database.scope import inside
from database.transactions import writes
from domain import Forbidden, NotFound
from domain.base import audit, configuration, keys
from domain.fields.kinds import whole
from domain.imports import targets
from domain.lists import attachments
from domain.lists.listing import demand, demand_outside
from domain.organizations import organizations
from models import Organization, User

LASTS = timedelta(days=1)
GONE = "This link is over, or it isn't whole. Ask whoever sent it for another."
_TOKEN = re.compile(r"(?P<about>(\d+)\.(\d+)\.([a-z_]+(?::\d+)?)\.(\d+)\.(\d+)\.(\d+))\.(?P<hash>[0-9a-f]{64})")


@writes
def make(rules, id, file_id, *, by, parent=None):
    """(the whole address, until when) of a link to a file on a row. Refuses with NotFound or Forbidden."""
    file = attachments.get(rules, id, file_id, by, parent)
    demand(by, rules.listing.writes)
    demand_outside(by, rules.listing)
    until = now() + LASTS
    about = f"{by.organization.id}.{by.user.id}.{rules.listing.name}.{id}.{file.id}.{int(until.timestamp())}"
    summary = f"Made a link to a file for a day: {file.name}"
    audit.record("file.shared", summary, by=by.user, organization=by.organization, target=file)
    return f"{configuration.active.site_url}/files/{about}.{keys.keyed('file link', about)}", file, until


def behind(token):
    """(the file, its organization) of a link, asked anew for whoever made it. Refuses with NotFound."""
    found = _TOKEN.fullmatch(token[:300])
    if found is None or not any(
        hmac.compare_digest(found["hash"], one) for one in keys.keyed_by_each("file link", found["about"])
    ):
        raise NotFound(GONE)
    organization, user, name, row, file, until = found.groups()[1:7]
    if not now() < datetime.fromtimestamp(int(until), UTC) <= now() + LASTS:
        raise NotFound(GONE)
    try:
        return _file(whole(organization), whole(user), name, whole(row), whole(file))
    except (NotFound, Forbidden):
        raise NotFound(GONE) from None


def _file(organization_id, user_id, name, row, file):
    organization, user = Organization.one(Organization.id == organization_id), User.one(User.id == user_id)
    by = organizations.reach(user, organization.slug) if user and organization else None
    if by is None or user.status != "active" or organization.status != "active":
        raise NotFound(GONE)
    read_in(user.timezone)
    with inside(organization):
        rules = targets.found(name, by, "files")
        demand_outside(by, rules.listing)
        return attachments.get(rules, row, file, by), organization

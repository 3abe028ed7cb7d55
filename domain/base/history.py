"""One call where the log and the history of a thing say the same: an audit event, and the change that pages see."""

from domain.base import audit, changes


def note(action, summary, row, *, by, organization=None, verb="updated", field=None, target=None, batch=None, **facts):
    """Log an event and note that `row` was changed by it, in the present transaction; returns the Change.
    `by` is a member, whose organization it is, or a user and `organization`. `target` is whom the event is
    about where that isn't the row; `field` names what the facts `before` and `after` are the values of,
    where they aren't whole dicts of fields. A row that is none is its table's name. `batch` is what several
    changes share, or the form they came by."""
    user, organization = getattr(by, "user", by), organization or by.organization
    table, id = (row, None) if isinstance(row, str) else (row._meta.table_name, row.id)
    audit.record(action, summary, by=user, organization=organization, target=target or row, **facts)
    return changes.record(organization, table, id, verb, _fields(field, **facts), by=user, batch=batch)


def _fields(field, before=None, after=None, **_):
    if field:
        before, after = {field: before}, {field: after}
    if not isinstance(after, dict):
        return {}
    return {name: [(before or {}).get(name), value] for name, value in after.items()}

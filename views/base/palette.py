"""The palette: every page one can reach, and the things one can find."""

from dataclasses import asdict
from urllib.parse import urlencode

from flask import Blueprint, request

from database.scope import inside
from domain.base import settings
from domain.fields.kinds import clean
from domain.fields.person import members
from domain.fields.records.leftover import plain_cell
from domain.lists import lists
from domain.lists.asks import Looks
from domain.lists.listing import granted
from domain.organizations import organization_desk, organizations
from domain.people import admins, people
from domain.records import collections, listings
from domain.tasks import tasks
from views import access, pages

blueprint = Blueprint("palette", __name__)

FOUND = 7
SEARCHED = 40  # tables whose rows are looked for, by name
LISTED = (tasks.listing,)
STAFFED = ((people.listing, "/admin/users"), (organization_desk.listing, "/admin/organizations"))
THEMES = ("dark", "light", "system")


@blueprint.get("/palette")
@access.signed_in
def show():
    q = " ".join(clean(request.args.get("q", "")).split())[:100]
    user = access.me()
    by = pages.where(user)
    groups = [{"label": "Go to", "items": _pages(by, admins.capabilities(user), q)}]
    if q and lists.Ask(q=q).words:
        groups.append({"label": "Organizations", "items": _organizations(user, q)})
        with inside(by.organization):
            groups.append({"label": "People", "items": _people(by, q)})
            groups += [_things(listing, by, q) for listing in LISTED if granted(by, listing.reads)]
            groups.append({"label": "Rows of tables", "items": _rows(by, q)})
        staff = admins.staff(user)
        groups += [_staffed(*one, staff, q) for one in STAFFED if granted(staff, one[0].reads)]
        if staff.may("settings.write"):
            groups.append({"label": "Site settings", "items": _settings(q)})
    return pages.fragment("base/palette/_results.html", groups=groups, q=q)


def _pages(by, capabilities, q):
    base = f"/{by.organization.slug}"
    known = [asdict(item) | {"title": item.label} for group in pages.places(by, capabilities) for item in group.items]
    for listing in LISTED:
        if granted(by, listing.writes):
            act = {"title": f"New {listing.thing}", "icon": "plus", "also": "create add"}
            known.append(act | {"href": f"{base}/{listing.name}/new"})
        board = {"title": f"{listing.things.capitalize()} board", "href": f"{base}/{listing.name}?view=board"}
        known.append(board | {"icon": "layout-kanban"})
    if q and by.may("records.read"):
        with inside(by.organization):
            tables = collections.present(by)
        icon = {"icon": "table", "also": "table"}
        known += [{"title": table.name, "href": f"{base}/records/{table.slug}", **icon} for table in tables]
    if by.may("members.invite"):
        invite = {"title": "Invite people", "href": f"{base}/invitations/new", "icon": "users", "also": "add seats"}
        known.append(invite)
    known += [
        {"title": f"Theme: {theme}", "href": "/account", "icon": "settings", "theme": theme, "also": "appearance mode"}
        for theme in THEMES
    ]
    security = {"title": "Security and sessions", "href": "/settings/security", "icon": "shield-lock"}
    known.append(security | {"also": "password passkey second factor browsers"})
    wanted = q.casefold().split()
    return [
        {"title": p["title"], "href": p["href"], "icon": p["icon"], "theme": p.get("theme")}
        for p in known
        if all(word in f"{p['title']} {p.get('also', '')}".casefold() for word in wanted)
    ]


def _has(text, q):
    return all(word in text.casefold() for word in q.casefold().split())


def _organizations(user, q):
    found = [one for one in organizations.of(user) if _has(one.name, q) and one.status == "active"]
    return [
        {"title": one.name, "href": f"/{one.slug}", "hint": "Organization", "icon": "users"} for one in found[:FOUND]
    ]


def _people(by, q):
    """The members by name; a name leads to their place in the list of members."""
    if by.organization.is_personal or not by.may("members.read"):
        return []
    found = [name for name in members().values() if _has(name, q)]
    href = f"/{by.organization.slug}/members?"
    return [
        {"title": name, "href": href + urlencode({"q": name}), "hint": "Member", "icon": "user"}
        for name in found[:FOUND]
    ]


def _things(listing, by, q):
    ask = lists.Ask(tab=listing.readings[0].key, q=q, rows=FOUND)
    wide = [tab for tab in listing.readings if granted(by, tab.capability)][-1]
    answer = lists.read(listing, ask.but(tab=wide.key if wide.column is None else ask.tab), by)
    items = [
        {
            "title": row.title,
            "href": f"/{by.organization.slug}/{listing.name}/{row.id}",
            "hint": listing.by_name[listing.board_by].kind.plain(getattr(row, listing.board_by)),
            "icon": listing.icon,
        }
        for row in answer.rows
    ]
    return {"label": listing.things.capitalize(), "items": items}


def _rows(by, q):
    """Rows of the tables that they see, as each table's own search finds them: of the first SEARCHED tables."""
    items: list = []
    tables = collections.present(by)[:SEARCHED] if by.may("records.read") else []
    looks = Looks(len(tables))
    for table in tables:
        if (seen := listings.seen_of(table, by)) is None:
            continue
        listing = seen.listing
        answer = lists.read(listing, lists.Ask(tab="all", q=q, rows=FOUND - len(items), looks=looks), by)
        kind, href = listing.by_name[listing.first].kind, f"/{by.organization.slug}/records/{table.slug}"
        for row in answer.rows:
            title = plain_cell(kind, getattr(row, listing.first)) or f"#{row.id}"
            items.append({"title": title, "href": f"{href}/{row.id}", "hint": table.name, "icon": "table"})
        if len(items) >= FOUND:
            break
    return items


def _staffed(listing, path, staff, q):
    """What the platform's staff finds in one of its lists."""
    answer = lists.read(listing, lists.Ask(tab=listing.readings[0].key, q=q, rows=FOUND), staff)
    items = [
        {"title": getattr(row, listing.first), "href": f"{path}/{row.id}", "hint": f"#{row.id}", "icon": listing.icon}
        for row in answer.rows
    ]
    return {"label": f"All {listing.things}", "items": items}


def _settings(q):
    found = [(label, field) for label, group in settings.GROUPS.items() for field in group]
    return [
        {"title": field.label, "href": f"/admin/settings#setting_{field.name}", "hint": label, "icon": "settings"}
        for label, field in found
        if _has(f"{label} {field.label} {field.help}", q)
    ][:FOUND]

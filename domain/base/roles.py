"""Who may do what: each permission with its label, the roles that have it and what else it needs.

Doors name a permission from here; a name that isn't here fails at import. How it is judged is
domain/organizations/permissions.py.
"""

from dataclasses import dataclass

ROLES = ("owner", "admin", "member", "viewer")  # from most to least
ABOUT = {
    "owner": "Everything, also the plan and the organization itself",
    "admin": "People and everybody's work, but not the plan",
    "member": "Sees the team's work, changes what they made or were given",
    "viewer": "Sees the team's work, changes nothing",
}
WORKSPACE_ROLES = ("manager", "staff", "scanner")
ABOUT_WORKSPACE = {
    "manager": "Answers for the workspace, and checks people in at its doors",
    "staff": "Checks people in at its doors",
    "scanner": "Checks people in at the door, sees names only",
}


@dataclass(frozen=True)
class Permission:
    """What an organization role may do: its label, who has it, and what else must hold."""

    label: str
    roles: frozenset
    capability: str = ""  # that the organization's plan must include
    policies: tuple = ()  # names in domain/organizations/permissions.py
    while_suspended: bool = False
    without_factor: bool = False  # also for who lacks the second factor that the organization asks for


def _to(label, roles, capability="", policies="", **when):
    return Permission(label, frozenset(roles.split()), capability, tuple(policies.split()), **when)


ORGANIZATION = {
    "organization.read": _to("See the organization", "owner admin member viewer", while_suspended=True),
    "organization.update": _to("Change name and settings", "owner admin"),
    "organization.delete": _to("Delete the organization", "owner", policies="is_a_team"),
    "organization.export": _to("Have all of the organization as one file", "owner"),
    "organization.require_factor": _to("Require a second factor of everybody", "owner", policies="is_a_team"),
    "organization.transfer": _to("Hand the organization over", "owner", policies="is_a_team teams_are_on"),
    "organization.verify": _to("Ask for the mark that the name was looked at", "owner admin", policies="is_a_team"),
    "members.read": _to("See the members", "owner admin member viewer"),
    "members.invite": _to(
        "Invite people",
        "owner admin",
        "workspace.members.invite",
        "is_a_team teams_are_on invitations_are_on a_seat_is_free",
    ),
    "members.invite_staff": _to(
        "Invite people into one workspace", "owner admin", policies="is_a_team teams_are_on invitations_are_on"
    ),
    "invitations.read": _to("See invitations", "owner admin"),
    "invitations.cancel": _to("Cancel and resend invitations", "owner admin", policies="invitations_are_on"),
    "members.change_role": _to(
        "Change a member's role", "owner admin", policies="members_are_managed only_owners_touch_owners"
    ),
    "members.remove": _to(
        "Remove a member", "owner admin", policies="members_are_managed only_owners_touch_owners not_the_last_owner"
    ),
    "members.leave": _to(
        "Leave the organization",
        "owner admin member viewer",
        policies="is_a_team not_the_last_owner",
        without_factor=True,
    ),
    "workspaces.read": _to("See workspaces", "owner admin member viewer"),
    "workspaces.manage": _to("Create workspaces and choose their people", "owner admin", policies="is_a_team"),
    "permissions.read": _to("See who may do what, and why", "owner admin"),
    "audit.read": _to("See the audit log", "owner admin"),
    "tasks.read": _to("See own and assigned tasks", "owner admin member viewer"),
    "tasks.write": _to("Create tasks, take them, and change own and given ones", "owner admin member"),
    "tasks.read_all": _to("See everybody's tasks", "owner admin member viewer", policies="work_is_shown"),
    "tasks.write_all": _to("Change everybody's tasks and reassign them", "owner admin"),
    "comments.remove_all": _to("Remove everybody's comments and files", "owner admin"),
    "trash.restore_all": _to("See and restore what others removed", "owner admin"),
    "records.read": _to("See the tables that people made", "owner admin member viewer"),
    "records.write": _to("Add and change rows of tables", "owner admin member"),
    "records.build": _to("Make tables and change their shape", "owner admin"),
    "records.publish": _to("Open tables to the public by links, and see to what comes by them", "owner admin"),
    "payments.manage": _to("Connect the accounts that tickets are paid to", "owner"),
    "events.keys": _to("Renew the key that signs tickets", "owner"),
    "events.read": _to("See events and how they sell", "owner admin member viewer"),
    "events.write": _to("Make events and what belongs to them", "owner admin member"),
    "events.publish": _to("Publish, move, cancel and archive events", "owner admin"),
    "orders.read": _to("See the orders of events and who holds passes", "owner admin member"),
    "orders.write": _to("Cancel orders, give money back, let in beyond the size", "owner admin"),
    "flyers.read": _to("See flyers, their campaigns and figures", "owner admin member viewer"),
    "flyers.write": _to("Make templates and campaigns of flyers", "owner admin member"),
    "flyers.publish": _to("Publish templates, start and pause campaigns of flyers", "owner admin"),
    "flyers.moderate": _to("Decide on reports of what people made", "owner admin"),
    "events.check_in": _to("Check people in at the door", "owner admin member"),
    "keys.manage": _to("Make and revoke keys for programs", "owner", "feature.pro"),
    "automations.write": _to("Make automations, which act as oneself", "owner admin member"),
    "automations.manage": _to("See and stop everybody's automations, and tell addresses outside", "owner admin"),
    "charts.read": _to("See the dashboard and save charts", "owner admin member viewer"),
    "charts.manage": _to("Put everybody's charts in order and on the home page", "owner admin"),
    "billing.read": _to("See plan, invoices and credits", "owner admin", while_suspended=True),
    "billing.manage": _to("Choose and cancel the plan", "owner"),
}

PLATFORM = {
    "admin.read": "See the admin overview",
    "users.read": "See people",
    "users.suspend": "Suspend and reactivate people",
    "users.impersonate": "Look at the site as somebody else, reading only",
    "organizations.read": "See organizations",
    "organizations.suspend": "Suspend and reactivate organizations",
    "keys.revoke": "See everybody's keys for programs, and revoke them",
    "credits.write": "Give credits and take them back",
    "audit.read_all": "See the whole audit log",
    "mail.read": "See what became of letters, and how each kind looks",
    "mail.write": "Choose which addresses aren't written to",
    "newsletter.read": "See who reads the newsletter, and how each issue did",
    "newsletter.write": "Write the newsletter, bring readers in and take them out",
    "settings.write": "Change settings",
    "alerts.write": "Broadcast and retract alerts",
    "jobs.run": "See jobs and webhooks, run and replay them",
    "organizations.import": "Bring organizations in from other sites",
    "demo.remove": "Remove what the demo made",
    "releases.read": "See releases and how the site did after each",
    "releases.annotate": "Write notes on releases, and mark those that were rolled back",
    "outages.write": "Tell of outages on the status page",
    "backups.run": "Make copies of the database and see whether they are proven",
    "pricing.sync": "Read prices from the payment provider",
    "subscriptions.read": "See everybody's subscriptions and payments",
    "subscriptions.sync": "Compare and sync subscriptions with the payment provider",
    "payouts.write": "Note what the site sent on to organizations of the money for tickets",
    "plans.write": "Change what plans are called and include",
    "grants.write": "Give plans and seats by hand, and end them",
    "backers.write": "Add, import and release backers",
    "moderation.review": "Decide on reports of what is public, and on appeals",
    "content.write": "Write the blog and the legal pages",
    "support.write": "Answer what people write, and decide whose name is marked as looked at",
    "admins.write": "Choose admins and their roles",
}
# What narrows somebody on the allow-list; without any of these they have all but the last.
STAFF = {
    "super_admin": ("Super admin", frozenset(PLATFORM)),
    "support": (
        "Support",
        frozenset(
            {
                *("admin.read", "users.read", "users.suspend", "organizations.read", "subscriptions.read"),
                *("mail.read", "mail.write", "support.write"),
            }
        ),
    ),
    "finance": (
        "Finance",
        frozenset(
            {
                "admin.read",
                "organizations.read",
                "credits.write",
                "grants.write",
                "pricing.sync",
                "plans.write",
                "subscriptions.read",
                "subscriptions.sync",
                "payouts.write",
            }
        ),
    ),
    "moderator": ("Moderator", frozenset({"admin.read", "moderation.review"})),
    "release_manager": (
        "Release manager",
        frozenset({"admin.read", "jobs.run", "backups.run", "releases.read", "releases.annotate", "outages.write"}),
    ),
    "content": (
        "Content",
        frozenset(
            {"admin.read", "alerts.write", "outages.write", "newsletter.read", "newsletter.write", "content.write"}
        ),
    ),
}
UNNARROWED = frozenset(PLATFORM) - {"admins.write"}


def known(name):
    """The permission's name itself, or a ValueError at import for a name nobody declared."""
    if name not in ORGANIZATION and name not in PLATFORM:
        raise ValueError(f"No permission is called {name!r}: see domain/base/roles.py")
    return name


def allows(role, name):
    """Whether an organization role has the permission. An unknown role has none."""
    return role in ORGANIZATION[name].roles


def label(name):
    return ORGANIZATION[name].label if name in ORGANIZATION else PLATFORM[name]


def below(role):
    """The roles that have less than this one, for looking through their eyes. None for an unknown role."""
    return ROLES[ROLES.index(role) + 1 :] if role in ROLES else ()

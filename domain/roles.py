"""Who may do what: the names, their labels, and which role has them (specification B.11).

Doors name a capability from here; a name that isn't here fails at import.
"""

ORGANIZATION = {
    # capability: (label, roles that have it)
    "organization.read": ("See the organization", "owner admin member viewer"),
    "members.read": ("See the members", "owner admin member viewer"),
    "tasks.read": ("See own and assigned tasks", "owner admin member viewer"),
    "tasks.write": ("Create and change own tasks", "owner admin member"),
    "tasks.read_all": ("See all tasks of the organization", "owner admin"),
    "billing.read": ("See plan, invoices and credits", "owner admin"),
    "billing.manage": ("Choose and cancel the plan", "owner"),
}

PLATFORM = {
    "admin.read": "See the admin overview",
    "settings.write": "Change settings",
    "alerts.write": "Broadcast and retract alerts",
    "jobs.run": "See jobs and webhooks, run and replay them",
}

ROLES = ("owner", "admin", "member", "viewer")
_GRANTED = {name: frozenset(roles.split()) for name, (_, roles) in ORGANIZATION.items()}


def known(capability):
    """The capability itself, or a ValueError at import for a name nobody declared."""
    if capability not in ORGANIZATION and capability not in PLATFORM:
        raise ValueError(f"No capability is called {capability!r}: see domain/roles.py")
    return capability


def allows(role, capability):
    """Whether an organization role has the capability. An unknown role has none."""
    return role in _GRANTED[capability]


def label(capability):
    return ORGANIZATION[capability][0] if capability in ORGANIZATION else PLATFORM[capability]

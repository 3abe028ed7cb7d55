"""The feature flags there are, and whom one is on for as one line of text: a share of organizations, some by name,
until a day.

The next flag is a row of FLAGS. Its number never changes and is never given again: it decides, with the organization's,
who is in a share, so that another name changes nothing and a larger share only adds.
"""

import re
from dataclasses import dataclass
from datetime import date

from domain.fields.kinds import Unfit, comparable
from domain.fields.text import Text
from models import Organization

ON = {"percent": 100}
HELP = "Write “on”, “off”, or a share and organizations by their address, such as “25% acme globex until 2026-12-31”."


@dataclass(frozen=True)
class Rollout(Text):
    """Whom it is on for: {percent, organizations: [ids], until}. Organizations are kept by their id, so that one that
    changes its address stays in."""

    most: int = 500

    def read(self, text):
        words = comparable(super().read(text)).replace(",", " ").split()
        value: dict = {"percent": 0}
        if "until" in words:
            place = words.index("until")
            value["until"] = self._day(" ".join(words[place + 1 :]))
            del words[place:]
        if not words:
            raise Unfit(HELP)
        for word in words:
            if share := re.fullmatch(r"(\d{1,3})\s*%", word):
                value["percent"] = int(share[1])
            elif word in ("on", "off"):
                value["percent"] = 100 if word == "on" else 0
            else:
                value.setdefault("organizations", []).append(self._organization(word))
        if value["percent"] > 100:
            raise Unfit("Write a share from 0% to 100%.")
        return value | ({"organizations": sorted(set(value["organizations"]))} if "organizations" in value else {})

    def _day(self, text):
        try:
            return date.fromisoformat(text).isoformat()
        except ValueError:
            raise Unfit("Write the day after “until” as 2026-12-31, at the end.") from None

    def _organization(self, slug):
        found = Organization.one(Organization.slug == slug, Organization.status != "deleted")
        if found is None:
            raise Unfit(f"No organization has the address “{slug[:60]}”.")
        return found.id

    def plain(self, value):
        if value is None:
            return ""
        slugs, percent = self._slugs(value), value["percent"]
        whom = "everybody" if percent == 100 else f"{percent}% of organizations" if percent else ""
        whom = " and ".join(part for part in (whom, ", ".join(slugs)) if part)
        until = f" until {date.fromisoformat(value['until']):%-d %B %Y}" if value.get("until") else ""
        return f"On for {whom}{until}" if whom else "Off"

    def text(self, value):
        if value is None:
            return ""
        slugs, percent = self._slugs(value), value["percent"]
        share = [] if slugs and not percent else ["on" if percent == 100 else "off" if not percent else f"{percent}%"]
        until = [f"until {value['until']}"] if value.get("until") else []
        return " ".join(share + slugs + until)

    def _slugs(self, value):
        ids = value.get("organizations", ())
        named = Organization.select(Organization.slug).where(Organization.id.in_(list(ids))).order_by(Organization.slug)
        return [slug for (slug,) in named.tuples()] if ids else []


@dataclass(frozen=True)
class Flag:
    """One that the code asks for."""

    id: int
    name: str
    label: str
    help: str
    default: dict


FLAGS = (
    Flag(
        1,
        "live_streams",
        "Live pages by a stream",
        "Open pages hear of changes at once. Where it is off, they ask each second.",
        ON,
    ),
)


def setting_of(name):
    """What the setting of a flag is called."""
    return f"flag_{name}"

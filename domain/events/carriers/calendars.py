"""An event as a calendar file, for a phone's calendar."""

import re
from datetime import UTC


def calendar_file(event, url):
    """The event as a calendar file (RFC 5545), in UTC, so that it is right in every zone."""
    told = "\n\n".join(text for text in (event.about, url) if text)
    lines = [
        *("BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Guildhall//Events//EN", "BEGIN:VEVENT"),
        f"UID:{event.public_id}@guildhall",
        f"DTSTAMP:{_utc(event.updated_at)}",
        f"DTSTART:{_utc(event.starts_at)}",
        f"DTEND:{_utc(event.ends_at)}",
        f"SUMMARY:{_escaped(event.title)}",
        f"LOCATION:{_escaped(', '.join(text for text in (event.venue, event.address, event.online_url) if text))}",
        f"DESCRIPTION:{_escaped(told)}",
        f"URL:{url}",
        f"STATUS:{'CANCELLED' if event.state == 'cancelled' else 'CONFIRMED'}",
        *("END:VEVENT", "END:VCALENDAR"),
    ]
    return "".join(f"{_folded(line)}\r\n" for line in lines)


def _utc(moment):
    return f"{moment.astimezone(UTC):%Y%m%dT%H%M%SZ}"


def _escaped(text):
    return re.sub(r"([\\;,])", r"\\\1", text).replace("\n", "\\n")


def _folded(line):
    """In pieces of at most 75 bytes, no letter cut."""
    pieces, present = [], ""
    for sign in line:
        if len((present + sign).encode()) > (75 if not pieces else 74):
            pieces.append(present)
            present = ""
        present += sign
    return "\r\n ".join([*pieces, present])

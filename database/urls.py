"""Addresses of servers, parsed whole: as they are written once, or a sentence that says what to write instead."""

import re
from urllib.parse import parse_qs, urlsplit

import idna

_OTHER_HOSTS = re.compile(r",[^,/?#@]*(?=[,/?#]|$)")  # libpq takes several, parted by commas
LOCAL = ("localhost", "127.0.0.1", "::1", "")
PORTS = {"http": 80, "https": 443}


class Unusable(ValueError):
    """This can't be an address of that kind; the sentence says what to write instead, and never the value."""


def split(text):
    """The parts of a URL, its host readable and its port between 1 and 65535. Refuses with Unusable."""
    try:
        parts = urlsplit(text.strip())
        port = parts.port
    except ValueError:
        raise Unusable("has a host or a port that can't be one; ports go from 1 to 65535") from None
    if port == 0 or any(sign.isspace() for sign in text.strip()):
        raise Unusable("must be one address without spaces, and its port 1 to 65535")
    return parts


def site(text):
    """The address people type, as scheme and host in lower case, with a port that isn't the usual one."""
    parts = split(text)
    if parts.scheme not in PORTS or not parts.hostname:
        raise Unusable("must be a whole http(s) address, such as https://hall.example.org")
    if parts.username is not None or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise Unusable("must end after the host (and port), such as https://hall.example.org: no path, no ? and no #")
    host = parts.hostname.rstrip(".")
    if ":" in host:
        host = f"[{host}]"
    else:
        try:
            host = host if host.isascii() else idna.encode(host, uts46=True).decode()
        except idna.IDNAError:
            raise Unusable("has a host that can't be one") from None
        if not all(label and set(label) <= _LABEL for label in host.split(".")):
            raise Unusable("has a host that can't be one: letters, digits, hyphens and dots")
    port = "" if parts.port in (None, PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


_LABEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789-_")


def server(text, schemes, like):
    """A server's address with its scheme in lower case, which is one of `schemes`. Refuses with Unusable."""
    parts = split(_OTHER_HOSTS.sub("", text) if text.lower().startswith("postgres") else text)
    if parts.scheme not in schemes:
        raise Unusable(f"must be {like}")
    if parts.fragment or "#" in text:
        raise Unusable("has a # in it: in a password write %23, and %2F for /, %3F for ?, %40 for @")
    if parts.scheme in ("smtp", "smtps", "smtp+starttls") and (parts.path not in ("", "/") or parts.query):
        raise Unusable(f"must be {like}; in a password write %2F for / and %3F for ?")
    if parts.scheme.startswith(("smtp", "redis:", "rediss:")) and not parts.hostname:
        raise Unusable(f"names no host; it must be {like}")
    return parts.scheme + text.strip()[len(parts.scheme) :]


def is_open(text):
    """Whether what is sent there crosses a network readable: no TLS, and not on this machine."""
    parts = urlsplit(_OTHER_HOSTS.sub("", text))
    host = parts.hostname or ""
    if host in LOCAL or host.lower().startswith("%2f") or parts.scheme in ("sqlite", "memory", "redis+unix"):
        return False
    if parts.scheme in ("postgresql", "postgres"):
        return parse_qs(parts.query).get("sslmode", ["prefer"])[-1] not in ("require", "verify-ca", "verify-full")
    return parts.scheme in ("smtp", "redis", "redis+sentinel", "redis+cluster")

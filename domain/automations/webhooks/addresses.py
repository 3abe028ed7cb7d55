"""Addresses outside that an organization names, and how they are reached: never anything inside.

A name is looked up once for each try, every address that it has must be public, and the connection goes to one that
was looked at: a name that says something else a moment later (DNS rebinding) leads nowhere else. No redirect is
followed, and what is read, and how long that takes, is bounded.
"""

import ipaddress
import socket
import threading
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from urllib.parse import urlsplit

import idna
import requests.certs
from urllib3.connection import HTTPSConnection
from urllib3.exceptions import HTTPError

from domain.base import configuration
from domain.fields.kinds import Unfit, clean
from domain.fields.text import Text

PATIENCE, DEADLINE = 5, 10  # seconds for a connection or an answer to begin, and for all of it
MOST_READ = 64 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class NotReached(Exception):
    """It didn't take the message, and why."""


@dataclass(frozen=True)
class Target:
    """An address as it is reached."""

    host: str
    port: int
    path: str

    @property
    def named(self):
        """As the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == 443 else f"{host}:{self.port}"


def read(text):
    """The Target of an address as somebody wrote it. Refuses with Unfit."""
    text = clean(text).strip()
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port or 443
        host = host if ":" in host else idna.encode(host, uts46=True).decode()
    except (ValueError, idna.IDNAError):
        raise Unfit("Write a whole address, such as https://example.org/hooks.") from None
    if parts.scheme != "https" or not host or len(text) > 500 or not text.isascii() or any(c.isspace() for c in text):
        raise Unfit("Write an address that begins with https://, such as https://example.org/hooks.")
    if parts.username is not None or parts.fragment:
        raise Unfit("Write it without a name, a password or a #.")
    if host == (urlsplit(configuration.active.site_url).hostname or ""):
        raise Unfit("That is this site itself.")
    if host == "localhost" or host.endswith((".localhost", ".local", ".internal")) or _is_inside(host):
        raise Unfit("This address lies inside a network. Write one that everybody reaches.")
    return Target(host, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


@dataclass(frozen=True)
class Address(Text):
    """An address outside that can be told of things."""

    most: int = 500
    control = "url"

    def read(self, text):
        read(text)
        return clean(text).strip()


def _is_inside(host):
    try:
        return not is_public(host)
    except ValueError:  # a name; what it leads to is looked at in each try
        return False


def is_public(text):
    """Whether an IP address is one of the net that everybody reaches. ValueError for what is none."""
    found = ipaddress.ip_address(text)
    if found.version == 6:
        if found.ipv4_mapped:
            found = found.ipv4_mapped
        elif found.sixtofour or found.teredo or found in _NAT64 or found.is_site_local:
            return False  # an address of version 4 is inside, or it goes who knows where
    return found.is_global and not (found.is_multicast or found.is_reserved or found.is_unspecified)


def look_up(host, port):
    """All addresses that a name has at this moment, as the resolver says."""
    return [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def resolved(target):
    """One public address of a target's name. Refuses with NotReached where any address that it has isn't public."""
    try:
        found = look_up(target.host, target.port)
    except (OSError, UnicodeError):
        raise NotReached("The name isn't known.") from None
    try:
        is_outside = bool(found) and all(is_public(one) for one in found)
    except ValueError:
        is_outside = False
    if not is_outside:
        raise NotReached("The name leads to an address inside a network, which isn't asked.")
    return found[0]


def connection(address, target):
    """A connection to this very address, which must show a certificate of the target's name."""
    return HTTPSConnection(
        address,
        target.port,
        timeout=PATIENCE,
        cert_reqs="CERT_REQUIRED",
        ca_certs=requests.certs.where(),
        server_hostname=target.host,
        assert_hostname=target.host,
    )


def post(url, body, headers):
    """(status, the beginning of the answer as text) of a message. Refuses with NotReached."""
    try:
        target = read(url)
    except Unfit as unfit:
        raise NotReached(str(unfit)) from None
    asked = connection(resolved(target), target)
    timer = threading.Timer(DEADLINE, _cut, [asked])
    timer.daemon = True
    try:
        timer.start()
        asked.request("POST", target.path, body=body, headers={"Host": target.named, **headers}, preload_content=False)
        answer = asked.getresponse()
        return answer.status, clean(answer.read(MOST_READ, decode_content=False).decode("utf-8", "replace"))
    except (OSError, HTTPError, HTTPException, ValueError) as error:
        raise NotReached(f"It couldn't be reached ({type(error).__name__}).") from None
    finally:
        timer.cancel()
        with suppress(OSError):
            asked.close()


def _cut(asked):
    """What drips for ever is cut off."""
    with suppress(OSError, AttributeError):
        asked.sock.shutdown(socket.SHUT_RDWR)

"""Where a request comes from: a network address, parsed once, and the network by which tries are counted."""

import ipaddress
from functools import lru_cache

UNKNOWN = "unknown"


@lru_cache(maxsize=1000, typed=True)
def parsed(text):
    """The address in its one form, out of what a server or a proxy says (`ip`, `ip:port`, `[ip]:port`); or «unknown».
    An IPv4 address that is written as IPv6 (::ffff:192.0.2.1) is an IPv4 address."""
    text = (text or "").strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        found = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return UNKNOWN
    return str(getattr(found, "ipv4_mapped", None) or found)


@lru_cache(maxsize=1000, typed=True)
def network(place):
    """By what a place counts: an IPv4 address by itself, IPv6 by its /64, which one customer has whole."""
    try:
        found = ipaddress.ip_address(place)
    except ValueError:
        return UNKNOWN
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))

"""One request to the endpoint that AI_URL names, in the form that OpenAI's API gave such endpoints.

The address is the environment's and nobody else's; it may be a machine of one's own. No redirect and no proxy is
followed, what only machines of a cloud reach (169.254.0.0/16 and the like) isn't asked, and what is read and how long
it takes is bounded. Nothing of what is asked or answered is logged.
"""

import ipaddress
import json
import socket
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from urllib.parse import urlsplit

import requests

from domain.base import configuration

MOST_READ = 64 * 1024
AT_ONCE = 4


class NoAnswer(Exception):
    """The endpoint gave no answer that can be used; the text says why, and nothing of what was asked."""


def is_set():
    """Whether there is an endpoint."""
    return bool(configuration.active.ai_url)


def post(path, body, *, within):
    """The object that the endpoint answers to a JSON body, within so many seconds. Refuses with NoAnswer."""
    try:
        return _threads().submit(_asked, path, body, within).result(timeout=within)
    except TimeoutError:
        raise NoAnswer("It took too long.") from None


@cache
def _threads():
    return ThreadPoolExecutor(AT_ONCE, thread_name_prefix="ai")


def _asked(path, body, within):
    url = configuration.active.ai_url.rstrip("/") + path
    _check(url)
    try:
        with requests.Session() as session:
            session.trust_env = False  # no proxy, no .netrc
            headers = {"Accept": "application/json", "User-Agent": "guildhall"}
            if key := configuration.active.ai_key:
                headers["Authorization"] = f"Bearer {key}"
            asked = {"json": body, "headers": headers, "timeout": within, "allow_redirects": False, "stream": True}
            with session.post(url, **asked) as answer:
                return _read(answer)
    except (requests.RequestException, ValueError) as error:
        raise NoAnswer(f"It couldn't be reached ({type(error).__name__}).") from None


def _read(answer):
    if answer.status_code != 200:
        raise NoAnswer(f"It answered {answer.status_code}.")
    data = b""
    for piece in answer.iter_content(8192):
        data += piece
        if len(data) > MOST_READ:
            raise NoAnswer("Its answer is too long.")
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise NoAnswer("Its answer isn't an object in JSON.")
    return found


def _check(url):
    """Refuse with NoAnswer an address that only the machines of a cloud reach, whatever its name says."""
    parts = urlsplit(url)
    try:
        found = socket.getaddrinfo(parts.hostname, parts.port or 443, type=socket.SOCK_STREAM)
        there = [ipaddress.ip_address(str(info[4][0]).partition("%")[0]) for info in found]
    except (OSError, ValueError):
        raise NoAnswer("Its name isn't known.") from None
    for one in there:
        one = getattr(one, "ipv4_mapped", None) or one
        if one.is_link_local or one.is_multicast or one.is_unspecified:
            raise NoAnswer("It is at an address that isn't asked.")

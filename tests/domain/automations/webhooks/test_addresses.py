"""Addresses outside: what is none, what lies inside, and names that say something else a moment later."""

import pytest

from domain.automations.webhooks import addresses
from domain.fields.kinds import Unfit

pytestmark = pytest.mark.usefixtures("unhoused")
PUBLIC = "93.184.216.34"


@pytest.mark.above_sql
@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0"),
        *("224.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "2002:7f00:1::", "64:ff9b::7f00:1", "fec0::1", "2001:db8::1"),
    ],
)
def test_what_lies_inside_is_not_public(address):
    assert not addresses.is_public(address)


@pytest.mark.above_sql
@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:220:1:248:1893:25c8:1946", f"::ffff:{PUBLIC}"])
def test_what_everybody_reaches_is(address):
    assert addresses.is_public(address)


@pytest.mark.parametrize(
    "text",
    [
        *("", "example.org", "http://example.org", "ftp://example.org", "https://", "https://exa mple.org"),
        *("https://user:word@example.org", "https://example.org/#x", "https://example.org:99999", "https://[::1"),
        *("https://localhost/x", "https://a.localhost", "https://printer.local", "https://db.internal"),
        *("https://127.0.0.1", "https://[::1]/", "https://[::ffff:10.0.0.1]/", "https://169.254.169.254/latest"),
        *("https://2130706433/", "https://0x7f.1/", "https://127.1/", "https://" + "a" * 600, "https://\u2024/"),
    ],
)
def test_what_is_no_address_outside_is_refused(text, monkeypatch):
    """Numbers in other spellings are names, which the resolver reads: then what it says is looked at."""
    monkeypatch.setattr(addresses, "look_up", lambda host, port: ["127.0.0.1"])
    try:
        target = addresses.read(text)
    except Unfit:
        return
    with pytest.raises(addresses.NotReached):
        addresses.resolved(target)


@pytest.mark.parametrize("found", [[], [PUBLIC, "10.0.0.1"], ["fe80::1%eth0"], ["no address"]])
def test_a_name_with_any_address_inside_is_not_asked(found, monkeypatch):
    monkeypatch.setattr(addresses, "look_up", lambda host, port: found)
    with pytest.raises(addresses.NotReached):
        addresses.resolved(addresses.read("https://example.org/"))


def test_a_name_that_is_looked_up_says_one_thing_only(monkeypatch):
    """DNS rebinding: the name is asked once, and the connection goes to that very address, with the name's certificate."""
    answers, asked = iter([[PUBLIC], ["127.0.0.1"], ["127.0.0.1"]]), []
    monkeypatch.setattr(addresses, "look_up", lambda host, port: next(answers))

    def connect(connection):
        asked.append((connection.host, connection.server_hostname, connection.assert_hostname))
        raise ConnectionRefusedError

    monkeypatch.setattr(addresses.HTTPSConnection, "connect", connect)
    with pytest.raises(addresses.NotReached, match="couldn't be reached"):
        addresses.post("https://rebinding.example.org/x", b"{}", {})
    assert asked == [(PUBLIC, "rebinding.example.org", "rebinding.example.org")]
    with pytest.raises(addresses.NotReached, match="inside a network"):
        addresses.post("https://rebinding.example.org/x", b"{}", {})
    assert len(asked) == 1

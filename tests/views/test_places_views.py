import pytest

from views.places import UNKNOWN, network, parsed


@pytest.mark.parametrize(
    ("said", "kept", "counted"),
    [
        ("192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("192.0.2.7:5000", "192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7", "192.0.2.7"),
        ("[2001:DB8::1]:443", "2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:1::", "2001:db8:0:0:1::", "2001:db8::/64"),
        ("fe80::1%eth0", "fe80::1", "fe80::/64"),
        ("", UNKNOWN, UNKNOWN),
        (None, UNKNOWN, UNKNOWN),
        ("unknown", UNKNOWN, UNKNOWN),
        ("a\0b", UNKNOWN, UNKNOWN),
        ("x" * 5000, UNKNOWN, UNKNOWN),
        ("999.1.1.1", UNKNOWN, UNKNOWN),
        ("127.1", UNKNOWN, UNKNOWN),
    ],
)
def test_attack_a3_a_place_is_parsed_once(said, kept, counted):
    assert (parsed(said), network(parsed(said))) == (kept, counted)

import pytest

from domain import Invalid
from domain.fields.email import address, mailable, normalized


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("ada@example.org", "ada@example.org"),
        ("  Ada@Example.org\n", "Ada@Example.org"),
        ("ada+hall@sub.example.co.uk", "ada+hall@sub.example.co.uk"),
        ("o'hara@example.org", "o'hara@example.org"),
        ("a\u200bd\u202ea@example.org", "ada@example.org"),  # what can't be seen isn't part of it
        ("ada@exämple.org", "ada@exämple.org"),
    ],
)
def test_an_address_is_taken_as_typed_without_what_cannot_be_seen(typed, kept):
    assert address(typed) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        None,
        " ",
        "ada",
        "ada@",
        "@example.org",
        "ada@example",
        "ada@example.",
        "a b@example.org",
        "ada@example.org, eve@example.org",
        "ada@example.org;eve@example.org",
        "Ada <ada@example.org>",
        '"ada"@example.org',
        "ada@@example.org",
        "ada@example.org@example.com",
        "ada(eve)@example.org",
        "a" * 243 + "@example.org",
        "x" * 1_000_000,
        "a:victim@example.org",
        "a@b..org",
        ".a@example.org",
        "a..b@example.org",
        "mailto:ada@example.org",
        "=?utf-8?q?eve?=@example.org",
        "friends:ada@example.org;",
        "ada@[192.0.2.1]",
        "ada@192.0.2.1",
        "ada%example.com@",
        "ada@localhost",
        "ada@hall.invalid",
        "ada@-example.org",
        "ada@exa_mple.org",
        "a" * 65 + "@example.org",
        "ada@example.org.",
    ],
)
def test_report_06_what_is_no_address_is_refused_beside_its_field(typed):
    with pytest.raises(Invalid) as caught:
        address(typed)
    assert caught.value.fields == {"email": "Write a whole e-mail address, like ada@example.org."}


@pytest.mark.parametrize("middle", ["\r\n", "\n", "\r", "\x0b", "\x0c", "\u2028", "\u2029", "\x85", "\t"])
def test_no_address_carries_another_header(middle):
    with pytest.raises(Invalid):
        address(f"ada@example.org{middle}Bcc: eve@example.org")
    with pytest.raises(Invalid):
        address(f"ada{middle} x@example.org")


def test_addresses_are_compared_without_case_and_outer_space():
    assert normalized(" ADA@Example.ORG ") == normalized("ada@example.org") == "ada@example.org"
    assert normalized("ada.l@example.org") != normalized("adal@example.org")


@pytest.mark.parametrize("typed", ["\u212aim@example.org", "ｋim@example.org", "kim＠example.org", "kim@example．org"])
def test_a_letter_that_only_looks_like_another_becomes_that_other(typed):
    """Otherwise one would compare equal to kim's address, and be mailed somewhere else."""
    assert address(typed).lower() == "kim@example.org"


def test_report_07_a_domain_in_letters_and_as_dns_has_it_is_one_address():
    assert address("ada@bücher.example") == address("ada@xn--bcher-kva.example") == "ada@bücher.example"
    assert normalized("Ada@BÜCHER.example") == normalized("ada@xn--bcher-kva.example") == "ada@xn--bcher-kva.example"
    assert mailable("ada@bücher.example") == ("ada", "xn--bcher-kva.example")


def test_letters_that_only_casefolding_makes_alike_stay_two_mailboxes():
    assert normalized("straße@example.org") != normalized("strasse@example.org")


def test_two_ways_to_write_one_accent_are_one_address():
    assert address("rene\u0301@example.org") == address("ren\u00e9@example.org")

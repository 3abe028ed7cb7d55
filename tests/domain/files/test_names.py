"""What a file is called, and what it is: its bytes decide."""

import pytest

from domain.files import names

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 30


@pytest.mark.parametrize(
    ("head", "type"),
    [
        (PNG, "image/png"),
        (b"%PDF-1.7\n", "application/pdf"),
        (b"PK\x03\x04" + b"\0" * 40, "application/zip"),
        (b"<svg onload=alert(1)>", "text/plain"),
        (b"<!doctype html><script>alert(1)</script>", "text/plain"),
        ("Grüße".encode(), "text/plain"),
        (("x" * (names.HEAD - 1) + "ü").encode()[: names.HEAD], "text/plain"),  # a sign that is cut
        (b"MZ\x90\0" + b"\0" * 60, "application/x-msdownload"),
        (b"\xff\xfe\x00\x01rubbish", names.OTHERWISE),
        (b"text with \0", names.OTHERWISE),
        (b"", "text/plain"),
    ],
)
def test_bytes_decide_the_type(head, type):
    assert names.type_of(head) == type


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("plan.pdf", "plan.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\temp\\plan.pdf", "plan.pdf"),
        ("plan\0.pdf", "plan.pdf"),
        ("\u202efdp.exe", "fdp.exe"),
        ("a\nb.txt", "a b.txt"),
        (' <b>"x"?.txt ', "_b_x_.txt"),
        ("...", "file"),
        (".htaccess", "htaccess"),
        ("", "file"),
        (None, "file"),
        ("Überblick 日本.pdf", "Überblick 日本.pdf"),
        ("x" * 300 + ".pdf", "x" * 116 + ".pdf"),
        ("x" * 300, "x" * 120),
    ],
)
def test_a_name_is_one_on_every_system(given, kept):
    assert names.cleaned(given) == kept

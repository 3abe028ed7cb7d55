"""Files as people have them, and as they are made to do harm."""

import pytest

from domain.imports import reading
from tests.fixtures.files import refusal, seen


def test_records_26_utf_8_wins_and_a_file_of_another_encoding_is_asked_about_with_its_very_lines(kept):
    found, rows = seen(kept("name,note\nGrøße,👍 fine\n"))
    assert (found.layout.encoding, found.encodings, rows) == ("utf-8", [], [["Grøße", "👍 fine"]])
    path = kept("name,town\nplain,ascii\nGröße,Köln\n".encode("cp1252"))
    found, rows = seen(path)
    assert found.encodings[0][0] == "cp1252"
    assert len(found.encodings) == 3
    assert found.encodings[0][2] == ["Größe,Köln"]
    assert len({tuple(lines) for _, _, lines in found.encodings}) == 3
    assert seen(path, encoding=found.encodings[1][0])[1][1] != rows[1]
    assert seen(path, encoding="utf-7")[1] == rows, "what isn't offered isn't taken"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_the_mark_of_a_file_says_its_encoding(kept, encoding):
    assert seen(kept("name\nGröße\n".encode(encoding)))[1] == [["Größe"]]


def test_records_27_leading_zeros_and_long_numbers_stay_as_they_are(kept):
    path = kept("article,ean,code\n00123,1.23E+15,1E5\n00124,1234567890123456,2E5\n")
    _, rows = seen(path)
    assert rows[0] == ["00123", "1.23E+15", "1E5"]
    assert "begins with zeros" in reading.damage([row[0] for row in rows])[0]
    assert "last digits are gone" in reading.damage([row[1] for row in rows])[0]
    assert reading.damage(["12", "0", "0.5", "1E5"]) == []


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_what_parts_the_cells_is_found(kept, sign):
    """TablePress 198: twenty semicolons a row, and two commas in some."""
    lines = [
        sign.join(f"{row}.{n}" + (" a, b" if n == 3 and row % 3 == 0 and sign != "," else "") for n in range(21))
        for row in range(9)
    ]
    found, rows = seen(kept("\n".join(lines)))
    assert found.layout.delimiter == sign
    assert {len(row) for row in rows} == {21}


def test_a_line_that_says_what_parts_is_heeded_and_is_no_row(kept):
    found, rows = seen(kept("sep=|\r\na,b|c\r\n1,2|3\r\n"))
    assert (found.columns, rows) == (["a,b", "c"], [["1,2", "3"]])
    assert [line for line, _ in reading.rows(kept("sep=|\r\na,b|c\r\n1,2|3\r\n"), found.layout)] == [3]


def test_a_header_is_asked_about_where_row_1_looks_like_data(kept):
    assert not seen(kept("name,age\nAda,36\n"))[0].asks_header
    found, rows = seen(kept("Ada,36\nBob,41\n"))
    assert found.asks_header
    assert (found.columns, len(rows)) == (["Column A", "Column B"], 2)
    found, rows = seen(kept("Ada,36\nBob,41\n"), has_header=True)
    assert (found.columns, rows) == (["Ada", "36"], [["Bob", "41"]])


def test_empty_and_doubled_headers_get_names(kept):
    assert seen(kept("name,,Name,id\nAda,x,y,7\n"))[0].columns == ["name", "Column B", "Name (2)", "id"]
    alike = ",".join(["same"] * 200)
    assert seen(kept(f"{alike}\n{alike}\n"))[0].columns[199] == "same (200)"


def test_more_than_can_be_brought_in_is_refused_with_the_number(kept, monkeypatch):
    alike = ",".join(["same"] * 300)
    assert refusal(kept(f"{alike}\n{alike}\n")) == "The file has 300 columns; at most 200 can be brought in."
    monkeypatch.setattr(reading, "ROWS", 3)
    assert refusal(kept("n\n" + "x\n" * 4)).startswith("The file has 5 rows; at most 3")
    monkeypatch.setattr(reading, "SIZE", 1_000_000)
    assert refusal(kept(b"x" * 2_000_000)).startswith("The file has 2 MB; at most 1 MB")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b" \n \n", "empty"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old Excel workbook"),
        (b"%PDF-1.7 x", "a PDF"),
        (b"name\nA\0da\n", "NUL"),
        (b"PK\x03\x04 nothing else", "damaged"),
        (b"\xff\xfen\0a", "damaged"),
        (b'name,b\nAda,"open\nBob,2\n', "Line 2 can't be read"),
        (b"name\n", "no rows"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(kept, data, said):
    assert said in refusal(kept(data))


@pytest.mark.parametrize(
    "text", ["=1+1", "-35.01", "+49 30", "@x", "＝1", "'=1", "''+x", "'plain", "plain", "\tx", "'"]
)
def test_a_guard_before_formulas_comes_off_again(kept, text):
    assert reading.unguarded(reading.guarded(text)) == text
    assert reading.guarded(text)[0] not in "=+-@＝\t"

"""PDFs are read back: their text, and the codes by a decoder."""

import io

import pytest
from pypdf import PdfReader

from domain.events.carriers import prints

CODE = "GH1:" + "A7Q2" * 31 + "A7Q"
NAMES = (
    "Zażółć Gęślą",
    "محمد عبد الرحمن",
    "अमित श्रीवास्तव",
    "山田 太郎 やまだ",
    "髙﨑 𠮷田",
    "김민수",
    "王小明 繁體",
    "שלום כהן",
    "ชื่อไทย",
    "Ola 🎉",
)


@pytest.fixture(scope="module", autouse=True)
def _press_ends():
    yield
    prints.press.end()


def printed(passes, **more):
    said = {"title": "Jazz Night", "organization": "Acme", "when": "Sat 3 May, 19:00", "place": "Hall", "notes": ()}
    return prints.tickets(passes=passes, **said | more)


def ticket(holder, **more):
    return prints.Ticket(**{"code": CODE, "serial": "3f9a11c022de9b01", "tier": "Early bird", "holder": holder} | more)


def words(pdf, page):
    return " ".join(PdfReader(io.BytesIO(pdf)).pages[page].extract_text().split())


def test_each_pass_has_a_page_with_what_one_needs_at_the_door():
    pdf = printed([ticket("Ada"), ticket("Bob", number=2, of=3, extras=("T-shirt",))], notes=("Doors at 18:00.",))
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 2
    said = words(pdf, 1)
    for text in ("Jazz Night", "Sat 3 May, 19:00", "Hall", "Early bird", "Bob", "T-shirt", "2 of 3", "Doors at 18:00."):
        assert text in said
    assert "3F9A 11C0 22DE 9B01" in said


def test_names_of_any_script_are_drawn_with_letters_that_exist():
    assert prints.unprintable("".join(NAMES)) == []
    pdf = printed([ticket(name) for name in NAMES])
    assert len(PdfReader(io.BytesIO(pdf)).pages) == len(NAMES)
    assert "김민수" in words(pdf, 5)
    assert "王小明" in words(pdf, 6)


@pytest.mark.parametrize("name", ["A" * 80, "Very long name " * 9, "山" * 80])
def test_a_long_name_stays_on_its_page(name):
    pdf = printed([ticket(name)])
    assert len(PdfReader(io.BytesIO(pdf)).pages) == 1


def test_what_somebody_typed_is_never_a_command():
    odd = '#panic("x") $x^2$ *b* #read("tickets.typ")'
    assert '#panic("x") $x^2$ *b*' in words(printed([ticket(odd)]), 0)


@pytest.mark.parametrize("sheet", prints.SHEETS)
def test_badges_fill_a_sheet_and_go_on_with_the_next(sheet):
    people = [prints.Badge(name, "Repair café", "Speaker", CODE) for name in (NAMES * 2)[:11]]
    pdf = prints.badges(title="Jazz Night", organization="Acme", sheet=sheet, people=people)
    chosen = prints.SHEETS[sheet]
    pages = PdfReader(io.BytesIO(pdf)).pages
    assert len(pages) == -(-11 // (chosen.columns * chosen.rows))
    assert [round(float(side) * 25.4 / 72) for side in pages[0].mediabox[2:]] == [round(side) for side in chosen.page]


def test_more_than_a_pdf_holds_is_refused():
    with pytest.raises(ValueError, match="500"):
        printed([ticket("Ada")] * 501)

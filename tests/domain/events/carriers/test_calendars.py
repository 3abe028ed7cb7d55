"""An event as a calendar file."""

from domain.events.carriers import calendars


def test_a_calendar_file_is_in_utc_and_folded_between_letters(night):
    event, _ = night
    event.about = "Zwölf Hörner; ein See,\nund 🎷" * 6
    text = calendars.calendar_file(event, "https://example.org/e/jazz-night")
    lines = text.split("\r\n")
    assert "DTSTART:20260703T180000Z" in lines
    assert all(len(line.encode()) <= 75 for line in lines)
    assert "Hörner\\; ein See\\,\\nund 🎷" in text.replace("\r\n ", "")

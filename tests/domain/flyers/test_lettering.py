import threading

import pytest

from domain.flyers import lettering

FONTS = lettering.chain("inter", 600)
FAMILY = "👨\u200d👩\u200d👧🏽"
SCRIPTS = {
    "Latin": "Amara Okonkwo",
    "Polish": "Łukasz Żółć",
    "Cyrillic": "Ольга Смирнова",
    "Arabic": "مُحَمَّد",
    "Hebrew": "שלום עולם",
    "Devanagari": "क्षत्रिय श्रीकृष्ण",
    "Thai": "สมชาย ใจดี",
    "Chinese": "王秀英",
    "Korean": "김민준",
    "Emoji": FAMILY + "🇩🇪👋🏽",
}


def runs(text):
    text = lettering.cleaned(text)
    return [(run.font, run.text, run.direction) for run in lettering.runs(text, FONTS, lettering.direction(text))]


def fit(text, box=(960, 120), least=36, most=110, lines=1):
    return lettering.fit(lettering.cleaned(text), FONTS, box, least, most, lines)


def told(fitted):
    return [line for line, _ in fitted.lines]


# --- cleaning ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("  Zoe\u0308  \n\tMüller ", "Zoë Müller"),
        ("A\u202eevil", "Aevil"),
        ("a\u2066b\u2069\u200e\u00ad\x00\x7f", "ab"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        (FAMILY, FAMILY),
        ("\u2028\u3000", ""),
        ("\ud800x", "x"),
    ],
)
def test_what_would_turn_or_break_a_line_is_taken_out(given, kept):
    assert lettering.cleaned(given) == kept


def test_hard_case_07_a_family_a_flag_and_a_skin_are_one_letter_each():
    assert lettering.clusters(FAMILY + "🇩🇪👋🏽e\u0301") == [FAMILY, "🇩🇪", "👋🏽", "e\u0301"]


# --- fonts -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", SCRIPTS)
def test_hard_case_01_one_font_sets_a_whole_line_of_one_script(script):
    text = SCRIPTS[script]
    assert len(runs(text)) == 1, "so that its shaper sees all of it"
    assert lettering.missing(text, FONTS) == []


@pytest.mark.parametrize("script", SCRIPTS)
def test_hard_case_04_every_script_is_drawn_and_no_letter_is_a_box(script):
    """What a font lacks is drawn as its box, whatever it is: two letters that are drawn alike would be boxes."""
    ((font, text, direction),) = runs(SCRIPTS[script])
    opened = lettering.opened(font, 60)
    box = bytes(opened.getmask("\U0010ffff", direction=direction))
    drawn = [bytes(opened.getmask(one, direction=direction)) for one in lettering.clusters(text) if one != " "]
    assert all(one and one != box for one in drawn)


@pytest.mark.parametrize("text", ["مرحبا", "", "   ", "\u0301", "🎉", "مرحبا Anna", "42", "(", "\u200d"])
def test_hard_case_02_any_text_alone_or_mixed_has_a_plan(text):
    fitted = fit(text)
    assert (fitted is None) == (lettering.cleaned(text) == "")


def test_hard_case_03_letters_that_no_font_has_are_named_once_each():
    assert lettering.missing("Anna ᚠᚢᚠ", FONTS) == ["ᚠ", "ᚢ"]


def test_mixed_words_with_a_font_for_all_go_to_its_shaper_whole():
    assert runs("مُحَمَّد Smith (DJ)") == [("arabic", "مُحَمَّد Smith (DJ)", "rtl")]


def test_other_mixed_words_are_runs_in_the_order_of_sight():
    assert runs("Zoë 🎉") == [("inter-600", "Zoë ", "ltr"), ("emoji", "🎉", "ltr")]
    # By the bidirectional algorithm: in an Arabic line, Chinese and the number after it go on from left to right.
    found = runs("محمد 王秀英 12")
    assert "".join(text for _, text, _ in found) == "王秀英 12 محمد"
    assert [direction for _, _, direction in found] == ["ltr", "ltr", "rtl", "rtl"]
    assert runs("王 محمد 12") == [
        ("jp", "王", "ltr"),
        ("inter-600", " ", "ltr"),
        ("inter-600", "12", "ltr"),
        ("inter-600", " ", "rtl"),
        ("arabic", "محمد", "rtl"),
    ], "a number after Arabic stands to its left"


def test_a_line_has_the_direction_of_its_first_letter():
    assert [lettering.direction(t) for t in ("12 שלום Anna", "Anna שלום", "42 🎉", "")] == ["rtl", "ltr", "ltr", "ltr"]


def test_shared_characters_have_the_shapes_of_the_first_language():
    assert [lettering.chain("inter", 600, (one,)).index("hans") for one in ("zh", "en")] == [12, 13]
    assert lettering.runs("直", lettering.chain("inter", 600, ("zh",)), "ltr")[0].font == "hans"


def test_hard_case_08_each_thread_opens_its_fonts_itself():
    mine, theirs = lettering.opened("noto-600", 31), []
    thread = threading.Thread(target=lambda: theirs.append(lettering.opened("noto-600", 31)))
    thread.start()
    thread.join()
    assert lettering.opened("noto-600", 31) is mine
    assert theirs[0] is not mine


def test_no_thread_keeps_more_fonts_open_than_it_may():
    for size in range(10, 10 + lettering.OPEN + 5):
        lettering.opened("hebrew", size)
    assert len(lettering._open.kept) == lettering.OPEN


# --- fitting -----------------------------------------------------------------------------------------------------


def test_a_short_text_has_the_largest_size_in_one_line():
    fitted = fit("Amara Okonkwo", lines=3, box=(960, 400))
    assert (fitted.size, told(fitted), fitted.is_shortened) == (110, ["Amara Okonkwo"], False)


def test_a_longer_one_is_smaller_until_it_fits_and_no_smaller_than_that():
    fitted = fit("Wolfgang Amadeus Theophilus Mozart")
    wide = [sum(lettering.width(run, size) for run in fitted.lines[0][1]) for size in (fitted.size, fitted.size + 1)]
    assert wide[0] <= 960 < wide[1]


def test_lines_are_used_where_they_make_it_larger():
    title = "Annual Summit of the Friends of Very Long Conference Titles"
    one, three = fit(title, (600, 300), 20, 80), fit(title, (600, 300), 20, 80, lines=3)
    assert (len(one.lines), len(three.lines)) == (1, 3)
    assert three.size > one.size
    assert three.height <= 300


def test_hard_case_06_what_does_not_fit_at_its_smallest_is_cut_off_and_says_so():
    name = "Wolfeschlegelsteinhausenbergerdorffwelchevoralternwar"
    assert len(name) == 53
    fitted = fit(name, (600, 120))
    assert fitted.is_shortened
    assert (fitted.size, told(fitted)) == (36, [name[: len(told(fitted)[0]) - 1] + "…"])
    assert sum(lettering.width(run, 36) for run in fitted.lines[0][1]) <= 600
    two = fit("one " * 60, (600, 120), lines=2)
    assert [line[-1] for line in told(two)] == ["e", "…"]


def test_nothing_is_cut_within_a_letter():
    (line,) = told(fit(FAMILY * 30, (400, 60), 40, 60))
    assert line.removesuffix("…").replace(FAMILY, "") == ""


def test_chinese_lines_end_between_letters_and_others_between_words():
    assert lettering.words("王秀英 Anna-Lena Ito") == ["王", "秀", "英", " Anna-Lena", " Ito"]
    assert len(fit("東京国際フォーラム年次総会", (320, 300), 60, 80, lines=4).lines) > 1


def test_ink_of_high_and_deep_scripts_stays_in_the_box():
    fitted = fit("क्षत्रिय श्रीकृष्ण", (960, 90))
    assert fitted.height <= 90
    assert fitted.size < fit("Amara", (960, 90)).size

"""What newcomers and designers tripped over, by its number; what needs a browser is told in tests/browser."""

import re
from pathlib import Path

import pytest

CSS = Path("static/css/guildhall.css").read_text()
TITLE = re.compile(r"<title>(.*?)</title>")


@pytest.fixture
def alice(cast, browse):
    made = browse("alice")
    made.post("/acme/tasks", data={"title": "Fold the flyer", "status": "completed", "due_at": ""})
    return made


def heads(text):
    return [re.sub(r"<[^>]+>", "", found).strip() for found in re.findall(r"<h[123].*?</h[123]>", text, re.S)]


def rule_of(selector):
    """The declarations of the first rule of guildhall.css that begins with it."""
    return re.search(re.escape(selector) + r"\s*\{([^}]*)\}", CSS)[1]


def test_strangers_whose_browser_knows_no_light_dark_are_shown_the_light_colours():
    sheet = Path("static/css/event.css").read_text()
    known, _, without = sheet.partition("@supports not (color: light-dark(")
    light = dict(re.findall(r"(--[\w-]+): light-dark\((#\w+|oklch\([^)]*\)),", known))
    assert len(light) > 8
    assert dict(re.findall(r"(--[\w-]+): (#\w+|oklch\([^)]*\));", without)) == light


def test_use_t1_the_bulk_bar_is_one_row_of_narrow_choices(alice):
    page = alice.get("/acme/tasks?tab=all").text
    bar = page.partition('class="bulk-bar"')[2]
    assert [name for name in ("Status", "Priority", "Assignee", "Due") if f'title="{name}"' in bar] != []
    assert "width: auto" in rule_of(".bulk-bar .form-select") or "max-width" in rule_of(".bulk-bar .form-select")


def test_use_t3_a_tasks_title_is_its_heading_once_and_delete_is_in_a_menu(alice):
    page = alice.get("/acme/tasks/1").text
    assert heads(page)[0] == "Fold the flyer"
    assert page.count("<h1") == 1
    assert re.search(r'<details[^>]*class="[^"]*menu.*?Delete task.*?</details>', page, re.S)
    assert '<button class="btn btn-danger' not in page.partition("</main>")[0].partition("<main")[2]


def test_use_t8_and_t9_one_word_each_and_a_plus_in_each_column(alice):
    page = alice.get("/acme/tasks?tab=all&view=board").text
    columns = re.findall(r'data-column="([^"]+)" aria-label="([^"]+)"', page)
    assert columns == [(word.lower(), word) for word in ("Pending", "In progress", "Completed", "Cancelled")]
    assert page.count("board-plus") == 4
    assert "To do" not in alice.get("/acme").text


def test_use_t11_heads_sort_and_the_list_says_how_many(alice):
    page = alice.get("/acme/tasks?tab=all").text
    assert {"Title", "Status", "Priority", "Due"} <= set(re.findall(r'class="sort-link"[^>]*>([\w ]+)<', page))
    assert re.search(r"\b1 task\b", re.sub(r"<[^>]+>", "", page))


def test_use_t12_and_p6_a_notice_names_what_was_made_and_leads_there(alice, hx):
    answer = alice.post("/acme/tasks", data={"title": "Weigh the flour"}, headers=hx("dialog"))
    assert "Weigh the flour" in answer.get_data(True) + alice.get("/acme/tasks").text


def test_use_h1_home_says_whose_numbers_they_are_and_each_chart_is_a_table_too(alice):
    page = alice.get("/acme").text
    assert {"Your tasks", "Your day", "Latest activity"} <= set(heads(page))
    assert "As a table" in page


def test_use_h4_the_staffs_pages_stand_in_groups_that_fold(cast, browse):
    page = browse("stella").get("/admin").text
    assert re.findall(r'<summary title="(\w+)"', page)[:4] == ["People", "Money", "Campaign", "Site"]


def test_use_r2_every_mark_of_the_permissions_says_whose_it_is_on_a_phone(alice):
    page = alice.get("/acme/permissions").text
    marks = re.findall(r'<td class="mark"[^>]*>', page)
    assert len(marks) > 40
    assert {re.search(r'data-role="(\w+)"', mark)[1] for mark in marks} == {"Owner", "Admin", "Member", "Viewer"}


def test_use_r4_a_letter_that_is_kept_says_when_with_its_zone(cast, letters, browse, web):
    browse(None).post("/forgot-password", data={"email": "alice@example.org"})
    letters()
    moments = re.findall(r'datetime="([^"]+)"', browse(None).get("/dev/mail").text)
    assert moments
    assert all(moment.endswith(("Z", "+00:00")) for moment in moments)


def test_use_r16_members_and_settings_are_two_places_and_never_both_lit(alice):
    for place in ("members", "settings"):
        lit = re.findall(r'<a href="/acme/(\w+)"[^>]*aria-current', alice.get(f"/acme/{place}").text)
        assert set(lit) == {place}


def test_use_p4_rules_of_a_password_are_not_ticked_before_one_types(browse):
    page = browse(None).get("/sign-up").text
    rules = page.partition("data-rule")[2].partition("</ul>")[0]
    assert "data-met></span>" in rules  # nothing is said to be met
    assert "to organize or attend" not in page


def test_use_p5_p8_the_front_is_of_this_product_and_shows_it(browse):
    page = browse(None).get("/").text
    assert re.search(r'<img [^>]*alt="[^"]{10,}"', page)
    assert "’" in heads(page)[0] or "'" not in heads(page)[0]


def test_use_p7_a_plan_is_named_once_and_told_apart_by_its_way(alice):
    names = [name for name in heads(alice.get("/acme/billing").text) if name.startswith("Pro")]
    assert len(names) == len(set(names)) == 3


def test_use_p9_nobody_is_told_of_keys_where_there_are_none():
    assert re.search(r"@media \(hover: none\) \{ \.for-keys \{ display: none; \} \}", CSS)


@pytest.mark.parametrize(
    "place", ["", "/tasks", "/members", "/settings", "/billing", "/credits", "/events", "/records"]
)
def test_use_p12_a_title_says_in_which_organization(alice, place):
    assert " · Guildhall" in TITLE.search(alice.get(f"/acme{place}").text)[1]
    assert "Acme" in TITLE.search(alice.get(f"/acme{place}").text)[1]


def test_use_p14_red_fills_the_button_that_confirms_alone():
    """On a page a dangerous button is outlined; the one in the question, outside of `main`, is full."""
    assert "--tblr-btn-bg: transparent" in rule_of("main .btn-danger")

import json

from domain.files.press import press


def test_the_press_is_a_process_that_sets_what_it_is_given():
    try:
        assert json.loads(press.ask("missing", words="A\U00012000")) == ["\U00012000"]
        page = {"paper": "a4", "organization": "Acme", "table": "Things", "title": "Drill"}
        page |= {"above": [], "below": [], "pairs": []}
        page["code"] = '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"></svg>'
        assert press.ask("typeset", template="row", data=page).startswith(b"%PDF")
    finally:
        press.end()

"""A page that is the same for all is drawn once for all who ask at the same time."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from flask import Response

from database.columns import public_id
from views import kept_pages


def test_a_page_is_drawn_once_however_many_ask_at_once():
    drawn, kept = [], kept_pages.KeptPages(seconds=60)

    def draw():
        drawn.append(1)
        return Response('<input name="form_key" value="x">')

    gate = Barrier(8)

    def ask(_):
        gate.wait(10)
        return kept.answer("jazz", draw, public_id).get_data(as_text=True)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(ask, range(8)))
    assert (len(drawn), len(set(answers))) == (1, 8)


def test_what_isnt_a_page_is_not_kept():
    kept = kept_pages.KeptPages(seconds=60)
    assert kept.answer("jazz", lambda: Response("moved", 301), str).status_code == 301
    assert kept.answer("jazz", lambda: Response("here"), str).get_data(as_text=True) == "here"


def test_what_is_added_to_one_answer_is_not_of_the_next():
    kept = kept_pages.KeptPages(seconds=60)
    first = kept.answer("jazz", lambda: Response("here"), str)
    first.headers["Content-Encoding"] = "gzip"
    first.set_cookie("session", "somebody's")
    second = kept.answer("jazz", lambda: Response("here"), str)
    assert not {"Content-Encoding", "Set-Cookie"} & set(second.headers.keys())

import io

import pytest
from PIL import Image

from domain.files.worker_process import Overloaded
from domain.flyers import samples
from tests.fixtures.flyer_pages import a_version


def test_a_sample_is_drawn_once_with_the_names_of_what_is_filled_in(inside_acme, monkeypatch):
    version = a_version()
    data = samples.of(version)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, image.format) == ((540, 675), "JPEG")
    monkeypatch.setattr(samples, "_drawn", None)
    assert samples.of(version) is data


def test_who_waits_in_line_is_told_to_come_again_and_who_asks_for_a_known_one_isnt(inside_acme, monkeypatch):
    known, other = a_version(), a_version()
    data = samples.of(known)
    monkeypatch.setattr(samples, "PATIENCE", 0)
    with samples._turn:
        assert samples.of(known) is data
        with pytest.raises(Overloaded) as refused:
            samples.of(other)
    assert (refused.value.status, refused.value.details["retry_after"]) == (503, 2)
    assert samples.of(other)

import io

from PIL import Image

from domain.flyers import samples
from tests.fixtures.flyer_pages import a_version


def test_a_sample_is_drawn_once_with_the_names_of_what_is_filled_in(inside_acme, monkeypatch):
    version = a_version()
    data = samples.of(version)
    with Image.open(io.BytesIO(data)) as image:
        assert (image.size, image.format) == ((540, 675), "JPEG")
    monkeypatch.setattr(samples, "_drawn", None)
    assert samples.of(version) is data

"""Where copies are brought."""

import os

from domain.operations.copies import packing, places


def test_a_large_copy_goes_in_parts(bucket, tmp_path, monkeypatch):
    monkeypatch.setattr(places, "PART", 5 * 1024**2)  # the least that storage takes
    large = tmp_path / "large"
    large.write_bytes(os.urandom(6 * 1024**2))
    place = places.Place(bucket.url)
    place.put("large", large)
    assert place.size("large") == large.stat().st_size
    assert place.get("large", tmp_path / "back")
    assert packing.sum_of(tmp_path / "back") == packing.sum_of(large)
    place.remove("large")
    assert (place.size("large"), place.get("large", tmp_path / "back"), list(place.names())) == (None, False, [])

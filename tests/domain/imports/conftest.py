"""Files, kept and read."""

import pytest


@pytest.fixture
def kept(tmp_path):
    def keep(data, name="file"):
        path = tmp_path / name
        path.write_bytes(data if isinstance(data, bytes) else data.encode())
        return path

    return keep

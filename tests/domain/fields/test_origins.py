import pytest

from domain.fields.kinds import Unfit
from domain.fields.origins import Origins


def test_origins_are_kept_as_browsers_send_them():
    assert Origins().read(" https://App.example.org/ \nhttp://localhost:5173\nhttps://app.example.org") == (
        "https://app.example.org\nhttp://localhost:5173"
    )


@pytest.mark.parametrize(
    "wrong",
    [
        "null",
        "*",
        "app.example.org",
        "https://a.example/path",
        "https://u@a.example",
        "ftp://a.example",
        "https://*.a.b",
    ],
)
def test_what_is_no_origin_is_refused(wrong):
    with pytest.raises(Unfit, match="is no origin"):
        Origins().read(wrong)

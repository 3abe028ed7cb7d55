"""Pages are packed on their way out. See docs/decisions/page-weight.md"""

import zlib

from flask import request

from views.safety import headers

LEAST = 1000  # bytes; below, the head of the answer is most of it
LEVEL = 5  # of 9: a list page in less than a millisecond
PACKED = ("text/html", "application/json")


def init_app(app):
    app.after_request(_pack)


def _pack(response):
    if response.mimetype not in PACKED or response.is_streamed or response.direct_passthrough:
        return response
    headers.vary(response, "Accept-Encoding")
    data = response.get_data()
    if len(data) < LEAST or response.content_encoding or response.status_code in (204, 304):
        return response
    if request.accept_encodings["gzip"]:
        packing = zlib.compressobj(LEVEL, zlib.DEFLATED, 31)  # 31: with gzip's head
        response.set_data(packing.compress(data) + packing.flush())
        response.content_encoding = "gzip"
    return response

"""How large requests may be; the worker, which gathers them, knows no more of the application."""

BODY = 1024 * 1024  # bytes
LARGE = ("imports", "files", "pictures")  # the last word of an address that takes files

"""A stand-in for Stripe's API: answers what is asked for from memory, at once."""

import json
import os
from pathlib import Path

ANSWERS = {
    path: json.dumps(thing).encode() for path, thing in json.loads(Path(os.environ["OBJECTS_FILE"]).read_text()).items()
}
MISSING = json.dumps({"error": {"type": "invalid_request_error", "code": "resource_missing", "message": "Not here"}})


def app(environ, start_response):
    body = ANSWERS.get(environ["PATH_INFO"])
    if body is None and environ["PATH_INFO"] != "/":
        print("not here:", environ["PATH_INFO"], flush=True)
    status, body = ("200 OK", body) if body else ("404 Not Found", MISSING.encode())
    start_response(status, [("Content-Type", "application/json"), ("Content-Length", str(len(body)))])
    return [body]

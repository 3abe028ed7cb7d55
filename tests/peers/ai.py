"""An endpoint of the form of OpenAI's API, over a real socket on this machine. Its answers have the shape that
https://platform.openai.com/docs/api-reference shows for /moderations and /chat/completions."""

import json
import threading
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from domain.base import configuration
from domain.moderation import screening

KEY = "sk-of-the-tests"
CATEGORIES = ("harassment", "hate", "self-harm", "sexual", "sexual/minors", "violence")


def moderation(flagged=False):
    results = {
        "flagged": flagged,
        "categories": dict.fromkeys(CATEGORIES, False) | {"violence": flagged},
        "category_scores": dict.fromkeys(CATEGORIES, 0.0001) | {"violence": 0.98 if flagged else 0.0002},
        "category_applied_input_types": {"violence": ["image"], "hate": ["text"]},
    }
    return {"id": "modr-970d409ef3bef3b70c73d8232df86e7d", "model": "omni-moderation-latest", "results": [results]}


def completion(text="Join us by the sea."):
    message = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    usage = {"prompt_tokens": 19, "completion_tokens": 10, "total_tokens": 29}
    about = {"id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": "chat.completion", "created": 1741569952}
    return about | {"model": "gpt-4o-mini", "choices": [choice], "usage": usage, "service_tier": "default"}


class Peer:
    """What it was asked, and what it answers: (status, object or bytes) by path; `gate` holds an answer back."""

    def __init__(self):
        self.asked, self.gate = [], threading.Event()
        self.answers = {"/v1/moderations": (200, moderation()), "/v1/chat/completions": (200, completion())}
        self.gate.set()

    def answer(self, path, body, key):
        self.asked.append((path, body))
        self.gate.wait(20)
        if key != f"Bearer {KEY}":
            return 401, {"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}
        return self.answers[path]


@contextmanager
def running():
    """A Peer that AI_URL names."""
    peer = Peer()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said = peer.answer(self.path, body, self.headers["Authorization"])
            data = said if isinstance(said, bytes) else json.dumps(said).encode()
            try:
                self.send_response(status)
                for name, value in (("Content-Length", str(len(data))), ("Location", "http://127.0.0.1:1/")):
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(data)
            except OSError:
                pass  # whoever asked went away

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    before = configuration.active
    url = f"http://127.0.0.1:{server.server_port}/v1"
    configuration.use(replace(before, ai_url=url, ai_key=KEY, ai_model="gpt-4o-mini"))
    screening.breaker = screening._Breaker()
    try:
        yield peer
    finally:
        configuration.use(before)
        screening.breaker = screening._Breaker()
        peer.gate.set()
        server.shutdown()
        server.server_close()
        thread.join()

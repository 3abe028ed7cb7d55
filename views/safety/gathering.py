"""A request as it comes in, and how large it may be. The worker, which gathers it, knows no more of the application."""

import re
import tempfile

BODY = 1024 * 1024  # bytes
LARGE = ("imports", "files", "pictures")  # the last word of an address that takes files
HEAD = 64 * 1024  # bytes of a request's head; gunicorn then looks at each line
WHOLE = HEAD + BODY + BODY // 8  # what is gathered; of a larger one the app sees enough to refuse it
UPLOAD = 110 * 1024 * 1024  # what is gathered of a request that brings a file: it waits on the disk
READ = 64 * 1024

LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
CHUNKED = re.compile(rb"\r\ntransfer-encoding:[^\r\n]*chunked[ \t]*\r\n", re.IGNORECASE)
EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
BRINGS_FILE = re.compile(
    rb"POST /[^ ?]+/(?:" + "|".join(LARGE).encode() + rb")[ ?](?=.*\r\ncookie:)", re.IGNORECASE | re.DOTALL
)
BRINGS_PHOTO, PHOTO = re.compile(rb"POST /flyers/[a-z0-9-]{1,80} "), 6 * 1024 * 1024  # a stranger's, without a cookie
SIZE = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(;[^\r\n]*)?\r\n")


class Gathering:
    """The bytes of a request that is coming in, and whether it is whole."""

    def __init__(self):
        self.buffer = bytearray()
        self.body_at = 0  # where the body begins, once the head is there
        self.chunk_at = 0  # chunked: where the next chunk begins
        self.end = 0  # how long the whole is, once the head has said so
        self.file, self.filed = None, 0  # what comes after the first bytes of a request that brings a file
        self.expects = self.is_cut = False

    def is_whole(self):
        """A request that can't be understood is whole as well: a thread says so."""
        if not self.body_at and not self._read_head():
            return False
        if self.chunk_at:
            return self._walk_chunks() or self._cut()
        if self.file:
            return len(self.buffer) + self.filed >= self.end
        return len(self.buffer) >= self.end or self._cut()

    def take(self, data):
        if self.file:
            self.filed += len(data)
            self.file.write(data)
            self.file.flush()
        else:
            self.buffer += data

    def rest(self):
        """What a thread reads after the first bytes."""
        if self.file:
            self.file.seek(0)
        return self.file

    def _cut(self):
        self.is_cut = len(self.buffer) >= WHOLE
        return self.is_cut

    def _read_head(self):
        found = self.buffer.find(b"\r\n\r\n")
        if found < 0:
            return False
        head, self.body_at = bytes(self.buffer[: found + 2]), found + 4
        lengths = LENGTH.findall(head)
        self.end = self.body_at + int(lengths[0]) if lengths else self.body_at
        if CHUNKED.search(head):
            self.chunk_at = self.body_at
        self.expects = bool(EXPECTS.search(head))
        most = UPLOAD if BRINGS_FILE.match(head) else PHOTO if BRINGS_PHOTO.match(head) else 0
        if READ < self.end <= most and not self.chunk_at:
            self.file = tempfile.TemporaryFile()  # noqa: SIM115  gone with its request
        elif self.end > WHOLE:  # the app refuses it by its length alone
            self.is_cut, self.end = True, self.body_at
        return True

    def _walk_chunks(self):
        while True:
            size = SIZE.match(self.buffer, self.chunk_at)
            if size is None:
                line = len(self.buffer) - self.chunk_at
                return line > 8190 or self.buffer.find(b"\n", self.chunk_at) >= 0
            length = int(size[1], 16)
            if not length:
                tail = size.end()
                return self.buffer[tail : tail + 2] == b"\r\n" or self.buffer.find(b"\r\n\r\n", tail) >= 0
            following = size.end() + length + 2
            if following > len(self.buffer):
                return False
            self.chunk_at = following

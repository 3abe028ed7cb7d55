"""What is asked of a ZIP that somebody brings, before anything of it is unpacked.

How large its list of files is, which Python reads whole, keeping some hundred bytes for each; and how they are packed.
"""

import zipfile

# What unpacks no more than it is asked for; bzip2 and LZMA unpack all that they are given.
BOUNDED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_END, _LOCATOR, _WIDE = b"PK\5\6", b"PK\6\7", b"PK\6\6"
_END_SIZE, _LOCATOR_SIZE, _WIDE_SIZE, _COMMENT = 22, 20, 56, 1 << 16


def directory(path):
    """How many bytes the list of files says to have, in its ZIP64 form too; 0 of what is no ZIP. Found as zipfile finds
    it (APPNOTE.TXT 4.3.14 to 4.3.16): the largest of what one or another version of it would read."""
    size = path.stat().st_size
    with open(path, "rb") as file:

        def read(at, most):
            file.seek(max(0, at))
            return file.read(most)

        begins = max(0, size - _END_SIZE - _COMMENT)
        tail = read(begins, _END_SIZE + _COMMENT)
        at = tail.rfind(_END)
        if tail[-_END_SIZE:].startswith(_END) and tail.endswith(b"\0\0"):
            at = len(tail) - _END_SIZE
        if at < 0:
            return 0
        said = [_number(tail, at + 12, 4)]
        locator = begins + at - _LOCATOR_SIZE
        if locator >= 0 and (found := read(locator, _LOCATOR_SIZE)).startswith(_LOCATOR):
            for place in (locator - _WIDE_SIZE, min(_number(found, 8, 8), size)):
                if place >= 0 and (wide := read(place, _WIDE_SIZE)).startswith(_WIDE):
                    said.append(_number(wide, 40, 8))
    return max(said)


def _number(data, at, size):
    return int.from_bytes(data[at : at + size], "little")

"""Where copies are brought besides the data folder: S3-compatible storage, in parts where they are large, or a server
that speaks SFTP (sftp.py)."""

import functools
from copy import copy
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element, SubElement, tostring

from defusedxml.ElementTree import fromstring

from domain.base import configuration
from domain.files import stores
from domain.operations.copies import sftp

PART = 64 * 1024**2  # bytes; storage takes at most 10,000 parts


def here():
    """Where copies lie on this machine."""
    return configuration.active.data / "backups"


def away():
    """The place away from this machine that BACKUP_URL names, or None."""
    chosen = configuration.active
    return _place(chosen.backup_url, chosen.backup_ssh_key, chosen.backup_ssh_host_key) if chosen.backup_url else None


@functools.cache
def _place(url, *keys):
    return sftp.Folder(url, *keys) if url.startswith("sftp:") else Place(url)


class Place(stores.Bucket):
    """A bucket: BACKUP_URL is written as FILES_URL is."""

    TIMEOUT = 300  # seconds for one part

    def put(self, name, path):
        """Bring a file there, and see that all of it arrived. Refuses with stores.StoreDown; nothing half is seen."""
        size = path.stat().st_size
        with open(path, "rb") as file:
            if size <= PART:
                self._ask("PUT", name, data=file.read())
            else:
                self._in_parts(name, file)
        if self.size(name) != size:
            raise stores.StoreDown

    def _in_parts(self, name, file):
        """https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"""
        begun = fromstring(self._ask("POST", name, params={"uploads": ""}).content)
        this = {"uploadId": begun.findtext("{*}UploadId")}
        try:
            told, number = Element("CompleteMultipartUpload"), 0
            while piece := file.read(PART):
                number += 1
                arrived = self._ask("PUT", name, params=this | {"partNumber": str(number)}, data=piece)
                part = SubElement(told, "Part")
                SubElement(part, "PartNumber").text = str(number)
                SubElement(part, "ETag").text = arrived.headers["ETag"]
            self._ask("POST", name, params=this, data=tostring(told))
        except stores.StoreDown:
            self._ask("DELETE", name, params=this)
            raise

    def get(self, name, path):
        """Fetch a file to `path`; False where it isn't there. Refuses with stores.StoreDown."""
        answer = self._ask("GET", name, stream=True)
        if answer is None:
            return False
        with open(path, "wb") as out:
            for piece in answer.iter_content(stores.CHUNK):
                out.write(piece)
        return True

    def size(self, name):
        """How many bytes it has there, or None where it isn't there."""
        answer = self._ask("HEAD", name)
        return answer and int(answer.headers["Content-Length"])

    def names(self):
        """What lies there at the top, by name. https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html"""
        address = urlsplit(self.address)
        bucket, _, below = address.path.strip("/").partition("/")
        top = copy(self)
        top.address = f"{address.scheme}://{address.netloc}/{bucket}"
        asked = {"list-type": "2", "delimiter": "/", "prefix": f"{below}/" if below else ""}
        while True:
            told = fromstring(top._ask("GET", "", params=asked).content)
            yield from (key.text.rpartition("/")[2] for key in told.iterfind("{*}Contents/{*}Key"))
            if told.findtext("{*}IsTruncated") != "true":
                return
            asked["continuation-token"] = told.findtext("{*}NextContinuationToken")

    def remove(self, name):
        self._ask("DELETE", name)

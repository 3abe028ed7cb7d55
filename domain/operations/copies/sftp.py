"""A folder on a server that speaks SFTP, as a place for copies: signed in with one key, and only where the server shows
the one key that it is known by. For the reasons, see docs/decisions/copies.md
"""

import asyncio
import contextlib
import logging
import posixpath
import secrets
import time
from functools import partial
from typing import Any
from urllib.parse import unquote, urlsplit

from database.late import Late
from domain import Refused
from domain.files import stores

asyncssh = Late("asyncssh")
PIECE = 4 * 1024**2  # bytes that are on their way at once
OPENS, TIMEOUT = 30, 300  # seconds: to be let in, and for one piece
HALF, OLD = ".half", 86_400  # what was cut off so many seconds ago is removed by whoever comes next


class Unreached(stores.StoreDown):
    """It can't be brought there or fetched, for this reason."""

    def __init__(self, sentence):
        Refused.__init__(self, sentence)


class Folder:
    """What is below a path there: sftp://user@host:port/path"""

    def __init__(self, url, key, host_key):
        parts = urlsplit(url)
        self.host, self.port, self.user = parts.hostname, parts.port or 22, unquote(parts.username)
        self.path, self.key, self.host_key = unquote(parts.path).rstrip("/") or ".", key, host_key

    def put(self, name, path):
        """Bring a file there, and see that all of it arrived: half of one is never seen under its name. Refuses with
        Unreached, as all that follow."""
        self._ask(partial(self._put, posixpath.join(self.path, name), path))

    async def _put(self, name, path, sftp):
        folder, half = posixpath.dirname(name), f"{name}.{secrets.token_hex(4)}{HALF}"
        if not await sftp.isdir(folder):
            await sftp.makedirs(folder, exist_ok=True)
        try:
            with open(path, "rb") as file:
                async with sftp.open(half, "wb") as out:
                    while piece := file.read(PIECE):
                        await asyncio.wait_for(out.write(piece), TIMEOUT)
                    with contextlib.suppress(asyncssh.SFTPOpUnsupported):
                        await out.fsync()
            if (await sftp.stat(half)).size != path.stat().st_size:
                raise Unreached(f"Not all of it arrived at {self.host}.")
            await _rename(sftp, half, name)
        except (asyncssh.Error, OSError, Unreached):
            with contextlib.suppress(asyncssh.Error):
                await sftp.remove(half)
            raise
        await _sweep(sftp, folder)

    def get(self, name, path):
        """Fetch a file to `path`; False where it isn't there."""
        return self._ask(partial(self._get, posixpath.join(self.path, name), path)) is not None

    async def _get(self, name, path, sftp):
        async with sftp.open(name, "rb") as file:
            with open(path, "wb") as out:
                while piece := await asyncio.wait_for(file.read(PIECE), TIMEOUT):
                    out.write(piece)
        return True

    def size(self, name):
        """How many bytes it has there, or None where it isn't there."""
        return self._ask(lambda sftp: sftp.getsize(posixpath.join(self.path, name)))

    def names(self):
        """What lies there at the top, by name."""
        found = self._ask(lambda sftp: sftp.readdir(self.path)) or ()
        files = (one.filename for one in found if one.attrs.type == asyncssh.FILEXFER_TYPE_REGULAR)
        return sorted(name for name in files if not name.endswith(HALF))

    def remove(self, name):
        self._ask(lambda sftp: sftp.remove(posixpath.join(self.path, name)))

    def _ask(self, work):
        """What `work` (SFTP client) gives, None where what it asks for isn't there. Refuses with Unreached."""
        lost = f"{self.host} can't be reached, or stopped answering."
        try:
            return asyncio.run(self._asked(work, lost))
        except (asyncssh.SFTPNoSuchFile, asyncssh.SFTPNoSuchPath):
            return None
        except asyncssh.HostKeyNotVerifiable:
            why = f"{self.host} shows another key than BACKUP_SSH_HOST_KEY says, so nothing was sent to it."
        except asyncssh.KeyExchangeFailed:
            why = f"{self.host} has no key of the kind that BACKUP_SSH_HOST_KEY says, so nothing was sent to it."
        except asyncssh.PermissionDenied:
            why = f"{self.host} doesn't let {self.user} in with the key of BACKUP_SSH_KEY."
        except asyncssh.KeyImportError:
            why = "BACKUP_SSH_KEY or BACKUP_SSH_HOST_KEY can't be read: write it as OpenSSH does, without a passphrase."
        except (asyncssh.SFTPNoSpaceOnFilesystem, asyncssh.SFTPQuotaExceeded):
            why = f"There is no room left at {self.host}."
        except asyncssh.SFTPPermissionDenied:
            why = f"{self.user} may not do that below {self.path} at {self.host}."
        except asyncssh.SFTPFailure:  # also of a full disk, by the SFTP that most servers speak
            why = f"{self.host} refused it; perhaps there is no room left."
        except (asyncssh.Error, TimeoutError):
            why = lost
        raise Unreached(why)

    async def _asked(self, work, lost):
        asyncssh.set_log_level(logging.WARNING)
        known = [asyncssh.import_public_key(self.host_key)], [], []
        about: dict[str, Any] = {
            "username": self.user,
            "client_keys": [asyncssh.import_private_key(self.key)],
            "known_hosts": known,
        }
        about |= {"config": [], "agent_path": None, "preferred_auth": "publickey"}
        about |= {"connect_timeout": OPENS, "login_timeout": OPENS, "keepalive_interval": 15, "keepalive_count_max": 4}
        try:
            there = await asyncssh.connect(self.host, self.port, **about)
        except OSError:
            raise Unreached(lost) from None
        async with there, there.start_sftp_client() as sftp:
            return await work(sftp)


async def _rename(sftp, half, name):
    try:
        await sftp.posix_rename(half, name)
    except asyncssh.SFTPOpUnsupported:  # its `rename` replaces nothing
        with contextlib.suppress(asyncssh.SFTPNoSuchFile):
            await sftp.remove(name)
        await sftp.rename(half, name)


async def _sweep(sftp, folder):
    """Remove halves that were cut off long ago."""
    for one in await sftp.readdir(folder):
        if one.filename.endswith(HALF) and (one.attrs.mtime or 0) < time.time() - OLD:
            await sftp.remove(posixpath.join(folder, one.filename))

"""A server that speaks SFTP, on this machine: one person with one key, whose folder is all there is."""

import asyncio
import errno
import os
import threading

import asyncssh

ROOM = 1_000_000  # bytes, where it is full or cuts off


class Peer:
    """`mood` is "well", "full" (beyond ROOM), "cut" (the connection ends there) or "old" (it knows no extensions)."""

    def __init__(self, folder):
        self.folder, self.mood = folder, "well"
        self.mine, self.own = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
        self.key = self.mine.export_private_key().decode()
        self.host_key = self.own.export_public_key().decode().strip()
        self._loop, self._began = asyncio.new_event_loop(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self._began.wait(10)

    @property
    def url(self):
        return f"sftp://keeper@127.0.0.1:{self.port}/far"

    def _run(self):
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._listen())
        self._began.set()
        self._loop.run_forever()

    async def _listen(self):
        peer = self

        class Server(asyncssh.SSHServer):
            def begin_auth(self, username):
                return True

            def public_key_auth_supported(self):
                return True

            def validate_public_key(self, username, key):
                return username == "keeper" and key == peer.mine.convert_to_public()

        class Files(asyncssh.SFTPServer):
            def __init__(self, chan):
                self.chan = chan
                super().__init__(chan, chroot=os.fsencode(peer.folder))

            def write(self, file_obj, offset, data):
                if peer.mood == "full" and offset + len(data) > ROOM:
                    raise OSError(errno.ENOSPC, "No space left on device")
                if peer.mood == "cut" and offset + len(data) > ROOM:
                    self.chan.get_connection().abort()
                return super().write(file_obj, offset, data)

            def posix_rename(self, oldpath, newpath):
                if peer.mood == "old":
                    raise asyncssh.SFTPOpUnsupported("not here")
                return super().posix_rename(oldpath, newpath)

            def fsync(self, file_obj):
                if peer.mood == "old":
                    raise asyncssh.SFTPOpUnsupported("not here")
                return super().fsync(file_obj)

        about = {"server_host_keys": [self.own], "sftp_factory": Files, "allow_scp": False}
        self._server = await asyncssh.create_server(Server, "127.0.0.1", 0, **about)
        self.port = self._server.get_port()

    def stop(self):
        async def end():
            self._server.close()
            await self._server.wait_closed()

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

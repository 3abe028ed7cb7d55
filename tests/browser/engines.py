"""The three engines: Chromium for everybody; Firefox and WebKit where the main stories are told in them too.

`python -m tests.browser.engines firefox webkit` gets them where it can: Debian's packages, else Playwright's download.
"""

import os
import shutil
import subprocess
import sys
from glob import glob
from pathlib import Path

from playwright.sync_api import sync_playwright

from tests.browser import chromium
from tests.browser.hands import WebDriverHands
from tests.browser.server import free_port

NAMES = ("chromium", "firefox", "webkit")
DEBIAN = {"firefox": ("firefox-esr",), "webkit": ("webkit2gtk-driver", "xvfb")}
MINI_BROWSER = "/usr/lib/*/webkit2gtk-4.*/MiniBrowser"


def _playwrights_own(playwright, name):
    path = getattr(playwright, name).executable_path
    return path if Path(path).exists() else None


def _firefox():
    return shutil.which("firefox-esr") or shutil.which("firefox")


def launch(playwright, name):
    """A browser of Playwright's, or None: then WebKitGTK is driven instead."""
    if name == "chromium":
        return playwright.chromium.launch(executable_path=chromium.path(), args=chromium.ARGS)
    if _playwrights_own(playwright, name):
        return getattr(playwright, name).launch()
    if name == "firefox":  # the system's own, over WebDriver BiDi
        return playwright.firefox.launch(executable_path=_firefox(), channel="moz-firefox")
    return None


class WebKitGTK:
    """A driver and a window for each person; a driver has one session, a session one store of cookies."""

    def __init__(self):
        reading, writing = os.pipe()
        command = ["Xvfb", "-displayfd", str(writing), "-screen", "0", "1280x900x24", "-nolisten", "tcp"]
        self.screen = subprocess.Popen(command, pass_fds=(writing,), stderr=subprocess.DEVNULL)
        os.close(writing)
        with os.fdopen(reading) as said:
            self.environment = os.environ | {"DISPLAY": f":{said.readline().strip()}"}
        self.drivers, self.open = [], []

    def hands(self, url):
        port = free_port()
        command = ["WebKitWebDriver", "--host=127.0.0.1", f"--port={port}"]
        self.drivers.append(subprocess.Popen(command, env=self.environment, stderr=subprocess.DEVNULL))
        options = {"binary": glob(MINI_BROWSER)[-1], "args": ["--automation"]}
        made = WebDriverHands(f"http://127.0.0.1:{port}", {"webkitgtk:browserOptions": options}, url)
        self.open.append(made)
        return made

    def close_windows(self):
        for made in self.open:
            made.close()
        for driver in self.drivers:
            driver.terminate()
            driver.wait()
        self.drivers, self.open = [], []

    def close(self):
        self.close_windows()
        self.screen.terminate()
        self.screen.wait()


def _is_here(name):
    system = {"firefox": _firefox(), "webkit": shutil.which("WebKitWebDriver") and shutil.which("Xvfb")}
    if system.get(name):
        return True
    with sync_playwright() as playwright:
        return bool(_playwrights_own(playwright, name))


def install(name):
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        get = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", *DEBIAN[name]]
        for command in (["apt-get", "update", "-qq"], get):
            if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
                break
        if _is_here(name):
            return True
    return not subprocess.run([sys.executable, "-m", "playwright", "install", name], check=False).returncode


if __name__ == "__main__":
    for wanted in sys.argv[1:]:
        if not _is_here(wanted) and not install(wanted):
            sys.exit(
                f"{wanted} can't be installed here: neither Debian's package nor Playwright's download is reachable."
            )

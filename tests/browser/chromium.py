"""Finds a Chromium for the browser stories; `python -m tests.browser.chromium` gets one where it can."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def path():
    """The executable: GUILDHALL_CHROMIUM, the system's, or Playwright's own; None where there is none."""
    named = os.environ.get("GUILDHALL_CHROMIUM")
    found = named or next((p for name in NAMES if (p := shutil.which(name))), None)
    if found:
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        return own if Path(own).exists() else None


def install():
    """Debian's package where we may, else Playwright's download; a machine that can do neither is told."""
    if os.geteuid() == 0 and shutil.which("apt-get"):
        environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", "chromium"]):
            if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=False).returncode:
                break
        if path():
            return True
    return not subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode


if __name__ == "__main__":
    if not path() and not install():
        sys.exit("The browser stories need Chromium: install it, or name one in GUILDHALL_CHROMIUM.")

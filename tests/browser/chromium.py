"""Finds a Chromium for the browser stories; `python -m tests.browser.chromium` gets one where it can."""

import os
import shutil
import subprocess
import sys

ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
]
SHELL = "chromium-headless-shell"  # the same engine without a window's surroundings: two thirds of the work
NAMES = (SHELL, "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def path():
    """The executable: GUILDHALL_CHROMIUM, the system's, or Playwright's own; None where there is none."""
    named = os.environ.get("GUILDHALL_CHROMIUM")
    found = named or next((p for name in NAMES if (p := shutil.which(name))), None)
    if found:
        return found
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        return own if os.path.exists(own) else None


def install():
    """Debian's package where we may, else Playwright's download; a machine that can do neither is told."""
    if _debian(("update",), ("install", "-y", SHELL)) or _debian(("install", "-y", "chromium")):
        return True
    return not subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False).returncode


def _debian(*commands):
    """Whether apt-get did all of it."""
    if os.geteuid() or not shutil.which("apt-get"):
        return False
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    runs = (["apt-get", "-qq", *command] for command in commands)
    quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
    return all(subprocess.run(run, **quiet).returncode == 0 for run in runs)


if __name__ == "__main__":
    found = path()
    if not found and not install():
        sys.exit("The browser stories need Chromium: install it, or name one in GUILDHALL_CHROMIUM.")
    if found and SHELL not in found and not os.environ.get("GUILDHALL_CHROMIUM"):
        _debian(("install", "-y", SHELL))  # quicker; without it the stories are told all the same

"""The browser of the tests: the system's Chromium, else the one that Playwright has fetched."""

from __future__ import annotations

import os
import shutil
import subprocess

from tests.browser.shop import SPA

NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
"""Best first: without what a window needs, the same pages take two thirds of the time."""


class BrowserMissing(Exception):
    """No browser; the text says how to get one."""


def chromium() -> str:
    """The path of the system's Chromium (CHROME_PATH names another); empty for Playwright's own.

    Raises BrowserMissing.
    """
    for name in (os.environ.get("CHROME_PATH", ""), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    if _playwright_has_its_own():
        return ""
    raise BrowserMissing(
        "The tests of the shop front need a browser, and there is none. Either of these brings one:\n"
        "  sudo apt install chromium-headless-shell fonts-noto-cjk  (Debian; the fonts are for Chinese)\n"
        "  (cd spa && npx playwright install chromium)              (Playwright's own, in your home directory)\n"
        "CHROME_PATH=/path/to/chromium names one that lies elsewhere."
    )


def _playwright_has_its_own() -> bool:
    program = "console.log(require('@playwright/test').chromium.executablePath())"
    asked = subprocess.run(["node", "-e", program], cwd=SPA, capture_output=True, text=True, check=False)
    return asked.returncode == 0 and os.access(asked.stdout.strip(), os.X_OK)

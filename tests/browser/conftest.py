"""A browser for the tests of pages: the installed Chromium, driven by Playwright."""

import os
import shutil
from dataclasses import dataclass, field

import pytest

_FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass
class Opened:
    """A page that is open, and what it complained of and asked for."""

    page: object
    complaints: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser():
    """Start Chromium, or skip and say what is missing. CHROMIUM names one that is not on the path."""
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    names = (os.environ.get("CHROMIUM"), "chromium", "chromium-browser", "google-chrome")
    found = next((path for name in names if name and (path := shutil.which(name))), None)
    if found is None:
        pytest.skip("there is no Chromium on this machine (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=found, args=_FLAGS)
        yield started
        started.close()


@pytest.fixture
def open_page(browser):
    """Return a function that opens a file: open_page(path, width=1280, dark=False, scripts=True)."""
    contexts = []

    def opened(path, *, width=1280, height=900, dark=False, scripts=True):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if dark else "light",
            java_script_enabled=scripts,
        )
        contexts.append(context)
        tab = Opened(context.new_page())
        tab.page.set_default_timeout(30_000)
        tab.page.on(
            "console",
            lambda told: told.type in {"error", "warning"} and tab.complaints.append(told.text),
        )
        tab.page.on("pageerror", lambda error: tab.complaints.append(str(error)))
        tab.page.on("request", lambda request: tab.requests.append(request.url))
        tab.page.goto(path.resolve().as_uri())
        return tab

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="session")
def axe():
    """Return a function that lists the serious findings of an accessibility check of an open page."""
    checker = pytest.importorskip(
        "axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed"
    ).Axe()

    def serious(page):
        found = checker.run(page).response["violations"]
        return [
            f"{one['id']}: {one['help']} ({one['nodes'][0]['html'][:120]})"
            for one in found
            if one["impact"] in {"serious", "critical"}
        ]

    return serious

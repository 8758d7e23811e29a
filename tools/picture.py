"""Write `docs/dashboard.png`, the picture in the README, from the demo's data: `make picture`.

The demo ends at a fixed time, so the picture changes only when the dashboard or the demo does.
"""

import shutil
from collections import deque
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright

from insights.commands.demo import create_indexes
from insights.demo.databases import SETTINGS, fill
from insights.mongodb.connection import open_database
from insights.pages.dashboard import create_dashboard, write_page
from insights.queries.filters import Selection, to_filters
from insights.queries.periods import parse_period
from insights.settings import Settings
from local_project.addresses import free_address
from local_project.mongod import running_mongod

FILE = Path(__file__).parent.parent / "docs" / "dashboard.png"

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
DAYS, USERS = 60, 500

# The top of the page, down to the first charts.
WIDTH, HEIGHT = 1200, 1000

# Root, as in CI, has no sandbox.
FLAGS = ["--no-sandbox", "--disable-gpu"]


def main() -> None:
    """Write the picture, from a MongoDB started for it."""
    address = free_address()
    settings = Settings.model_validate({"MONGODB_URI": f"mongodb://{address}"} | SETTINGS)
    with TemporaryDirectory() as folder, running_mongod(address, Path(folder)):
        write_picture(settings, FILE)


def write_picture(settings: Settings, path: Path, users: int = USERS) -> None:
    """Fill the configured database with the demo, and write a picture of its dashboard."""
    period = parse_period("30d", None, NOW)
    with TemporaryDirectory() as folder, open_database(settings) as database:
        deque(fill(database, DAYS, users, NOW), maxlen=0)
        # Without them, the journeys take minutes.
        create_indexes(database, settings)
        page = Path(folder) / "dashboard.html"
        filters = to_filters(Selection(), settings, NOW)
        write_page(create_dashboard(database, settings, filters, period, NOW), page)
        photograph(page, path)


def photograph(page: Path, path: Path) -> None:
    """Write a screenshot of a page, in the light scheme."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        window = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}, color_scheme="light")
        window.goto(page.as_uri())
        window.screenshot(path=path)
        browser.close()


if __name__ == "__main__":
    main()

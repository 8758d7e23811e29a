"""Write `docs/dashboard.png`, the picture in the README, from the demo's data: `make picture`.

The demo ends at a fixed time, so the picture changes only with the dashboard or the demo.
"""

import shutil
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import sync_playwright
from pymongo.database import Database

from devserver.mongodb import free_address, running_mongod
from insights.dashboard import create_dashboard, write_page
from insights.database import Document, open_database
from insights.demo.databases import NAME, fill
from insights.periods import parse_period
from insights.settings import Settings

FILE = Path(__file__).parent.parent / "docs" / "dashboard.png"

NOW = datetime(2026, 11, 27, 9, 30, tzinfo=UTC)
DAYS, USERS = 60, 500

# The top of the page, down to the first chart.
WIDTH, HEIGHT = 1200, 850

# In CI it runs as root.
FLAGS = ["--no-sandbox", "--disable-gpu"]


def main(path: Path = FILE, users: int = USERS) -> None:
    """Write the picture of a demo with this many users."""
    with TemporaryDirectory() as folder, demo_database(Path(folder), users) as (database, settings):
        page = Path(folder) / "dashboard.html"
        period = parse_period("30d", None, NOW)
        write_page(create_dashboard(database, settings, period, NOW), page)
        photograph(page, path)


@contextmanager
def demo_database(folder: Path, users: int) -> Iterator[tuple[Database[Document], Settings]]:
    """Fill the demo's database on an embedded MongoDB; yield it and the settings that name it."""
    address = free_address()
    settings = Settings.model_validate(
        {"MONGODB_URI": f"mongodb://{address}", "MONGODB_DATABASE": NAME}
    )
    with running_mongod(address, folder / "mongodb"), open_database(settings) as database:
        deque(fill(database, DAYS, users, NOW), maxlen=0)
        yield database, settings


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

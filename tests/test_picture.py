"""The picture of the dashboard in the README, and its generator."""

from pathlib import Path

from pymongo.database import Database

from insights.settings import Settings
from tests.support.documents import Document
from tools import picture

MAXIMUM_BYTES = 200_000


def size_of(file: Path) -> tuple[int, int]:
    """Return the width and the height of a PNG (PNG specification, 11.2.2)."""
    content = file.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(content[16:20]), int.from_bytes(content[20:24])


def test_is_small_enough_for_git() -> None:
    assert picture.FILE.stat().st_size < MAXIMUM_BYTES
    assert size_of(picture.FILE) == (picture.WIDTH, picture.HEIGHT)


def test_is_generated_from_the_demo(
    empty_database: Database[Document], mongodb_uri: str, tmp_path: Path
) -> None:
    settings = Settings.model_validate(
        {"MONGODB_URI": mongodb_uri, "MONGODB_DATABASE": empty_database.name}
    )

    picture.write_picture(settings, tmp_path / "picture.png", users=20)

    assert size_of(tmp_path / "picture.png") == (picture.WIDTH, picture.HEIGHT)
    assert empty_database.feedback.count_documents({}) > 0

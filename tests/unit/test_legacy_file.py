"""The old system's file is untrusted: plain tables only are read, in bounds, and never written to."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.manage.legacy.file import COURSES, UnreadableFile, read_file
from tests.legacy_file import LegacyFile, real_shape

ENDLESS = (
    "CREATE VIEW api_coursecategory AS"
    " WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n) SELECT id, 'x' AS name FROM n"
)


@pytest.fixture
def legacy(tmp_path: Path) -> LegacyFile:
    return real_shape(tmp_path / "legacy.sqlite3")


def why_not(path: Path, **bounds: float) -> str:
    with pytest.raises(UnreadableFile) as refused:
        read_file(path, **bounds)  # type: ignore[arg-type]
    return str(refused.value)


def test_the_file_stays_as_it_is(legacy: LegacyFile) -> None:
    path = legacy.close()
    before = path.read_bytes(), path.stat().st_mtime_ns, sorted(os.listdir(path.parent))
    assert read_file(path).rows[COURSES]
    assert (path.read_bytes(), path.stat().st_mtime_ns, sorted(os.listdir(path.parent))) == before


def test_a_view_is_refused_by_its_name_and_not_read(legacy: LegacyFile) -> None:
    legacy.run("DROP TABLE api_coursecategory")
    legacy.run(ENDLESS)
    assert "it has a view api_coursecategory" in why_not(legacy.close())


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("CREATE VIEW odd AS SELECT 1", "it has a view odd"),
        ("CREATE TRIGGER odd AFTER INSERT ON api_order BEGIN SELECT 1; END", "it has a trigger odd"),
        ("CREATE VIRTUAL TABLE odd USING fts4(text)", "it has a virtual table odd"),
        ('CREATE VIEW "odd\u202e\n" AS SELECT 1', r"it has a view odd\u202e\n"),
    ],
)
def test_whatever_is_no_plain_table_is_refused_by_its_name(
    legacy: LegacyFile, statement: str, said: str
) -> None:
    legacy.run(statement)
    assert said in why_not(legacy.close())


def test_a_column_that_is_computed_when_it_is_read_is_no_column(legacy: LegacyFile) -> None:
    legacy.run("DROP TABLE api_coursecategory")
    legacy.run(
        "CREATE TABLE api_coursecategory"
        " (id INTEGER PRIMARY KEY, name TEXT GENERATED ALWAYS AS (hex(zeroblob(40000000))) VIRTUAL)"
    )
    legacy.run("INSERT INTO api_coursecategory (id) VALUES (1)")
    assert "api_coursecategory has no column name" in why_not(legacy.close())


def test_a_file_that_takes_too_long_is_given_up(legacy: LegacyFile) -> None:
    legacy.run("CREATE TABLE much (id INTEGER PRIMARY KEY, text TEXT NOT NULL)")
    legacy.run(
        "WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 50000)"
        " INSERT INTO much SELECT id, 'x' FROM n"
    )
    assert why_not(legacy.close(), seconds=0.0) == "legacy.sqlite3 takes longer than 0 seconds to read"


def test_a_file_of_too_many_bytes_is_not_copied(legacy: LegacyFile) -> None:
    assert why_not(legacy.close(), most_bytes=10_000) == "legacy.sqlite3 is larger than 0 MB"


def test_what_is_read_is_bounded_too(legacy: LegacyFile) -> None:
    legacy.run(
        "WITH RECURSIVE n(id) AS (SELECT 1000 UNION ALL SELECT id + 1 FROM n WHERE id < 9000)"
        " INSERT INTO api_coursecategory SELECT id, 'x' || id FROM n"
    )
    path = legacy.close()
    assert "holds more than 0 MB" in why_not(path, most_bytes=path.stat().st_size)


def test_a_device_is_no_file() -> None:
    assert why_not(Path("/dev/zero")) == "zero is no regular file"


@pytest.mark.parametrize("path", ["missing.sqlite3", "."])
def test_what_cannot_be_opened_is_the_systems_own_word(tmp_path: Path, path: str) -> None:
    with pytest.raises(OSError, match=r"No such file|Is a directory"):
        read_file(tmp_path / path)


@pytest.mark.parametrize(
    ("text", "damaged", "said"),
    [
        # Each is of the same length as what it stands for.
        (b"CREATE TABLE", b"CR\xff\xfeTE TABLE", "is damaged or no database: its schema is not UTF-8"),
        (b"api_coursecategory", b"api_\xffoursecategory", "has no table api_coursecategory"),
        (b"course_slogan", b"course_sl\xff\xfean", "api_coursedetail has no column course_slogan"),
    ],
)
def test_a_schema_that_is_no_text_is_said_to_be_damaged(
    legacy: LegacyFile, text: bytes, damaged: bytes, said: str
) -> None:
    path = legacy.close()
    path.write_bytes(path.read_bytes().replace(text, damaged))
    assert said in why_not(path)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An undamaged file: its path, because a failed example prints its arguments."""
    return real_shape(tmp_path_factory.mktemp("whole") / "legacy.sqlite3").close()


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_a_damaged_file_is_read_or_its_damage_is_said(
    data: st.DataObject, whole: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    content = bytearray(whole.read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(0, len(content) - 1) | st.integers(0, 4095))
        content[at : at + 4] = data.draw(st.binary(min_size=4, max_size=4))
    path = tmp_path_factory.mktemp("damaged") / "legacy.sqlite3"
    path.write_bytes(content[: data.draw(st.just(len(content)) | st.integers(0, len(content)))])
    try:
        read_file(path)
    except UnreadableFile as error:
        said = str(error)
    else:
        said = "read"
    assert said == "read" or said.startswith("legacy.sqlite3 ")
    assert said.isprintable()

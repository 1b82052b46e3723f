"""The code digest: equal for equal code, another one for code that shapes rows in another way."""

import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from dvdrental_etl.engine import package_zip
from tests.support.paths import SPARK_APPS, SQL_SCRIPTS

PROGRAM = """
import load_dim_staff
from dvdrental_etl.pipeline.code_version import code_digest
print(code_digest("dim_staff", load_dim_staff.transform))
"""


def digest(*path):
    """The digest of dim_staff in a process with this Python path."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        env={"PYTHONPATH": ":".join(map(str, path)), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.strip()


@pytest.fixture(scope="module")
def committed():
    return digest(SPARK_APPS)


@pytest.fixture
def copied(tmp_path):
    """Another checkout."""
    shutil.copytree(SPARK_APPS, tmp_path / "spark_apps", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(SQL_SCRIPTS, tmp_path / "sql_scripts")
    return tmp_path


def edit(path: Path, old: str, new: str):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_it_is_the_same_from_the_zip_outside_of_a_checkout(committed, tmp_path):
    package_zip.build(tmp_path / "jobs.zip")
    scripts = tmp_path / "elsewhere"
    scripts.mkdir()
    shutil.copy(SPARK_APPS / "load_dim_staff.py", scripts)
    assert digest(tmp_path / "jobs.zip", scripts) == committed
    assert len(committed) == 32


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("spark_apps/load_dim_staff.py", '"""Load dim_staff.', '"""Fill dim_staff.'),
        ("spark_apps/load_dim_staff.py", "SOURCES = (\n", "SOURCES = (  # of the source\n\n"),
        ("spark_apps/dvdrental_etl/staging/send.py", "def staged(", "# counts\ndef staged("),
        (
            "spark_apps/dvdrental_etl/pipeline/load.py",
            "def publish(",
            "def publish_once_more(): ...\ndef publish(",
        ),
        ("spark_apps/load_dim_movie.py", '"rental_rate < 0"', '"rental_rate < 1"'),
        ("sql_scripts/create_dim_staff.sql", "-- dim_staff:", "-- The staff, dim_staff:"),
        ("sql_scripts/create_dim_movie.sql", "varchar(", "varchar(1"),
    ],
)
def test_comments_and_other_tables_do_not_change_it(copied, committed, file, old, new):
    edit(copied / file, old, new)
    assert digest(copied / "spark_apps") == committed


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("spark_apps/load_dim_staff.py", '"store_id IS NULL"', '"store_id < 0"'),
        ("spark_apps/load_dim_staff.py", '"first_name",', '"last_name",'),
        ("spark_apps/dvdrental_etl/model/targets.py", "valid_from", "from_when"),
        ("spark_apps/dvdrental_etl/transforms/location.py", 'how="left"', 'how="inner"'),
        ("spark_apps/dvdrental_etl/extract/reader.py", "IS NULL", "IS NOT NULL"),
        ("spark_apps/dvdrental_etl/staging/validate.py", "{row_hash_sql(target)} AS", "md5(1) AS"),
        ("spark_apps/dvdrental_etl/publish/scd2.py", "valid_to =", "valid_from ="),
        ("sql_scripts/create_dim_staff.sql", "varchar(", "varchar(1"),
    ],
)
def test_code_that_shapes_rows_changes_it(copied, committed, file, old, new):
    edit(copied / file, old, new)
    assert digest(copied / "spark_apps") != committed


def test_a_script_that_cannot_be_read_is_an_error(tmp_path):
    from dvdrental_etl.errors import ConfigError
    from dvdrental_etl.pipeline.code_version import code_digest

    scope: dict[str, Any] = {}
    exec(compile("def transform(): ...", str(tmp_path / "gone.py"), "exec"), scope)
    with pytest.raises(ConfigError, match=r"gone.py cannot be read"):
        code_digest("dim_staff", scope["transform"])

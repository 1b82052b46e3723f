"""Where the repository and its parts are."""

import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPARK_APPS = ROOT / "spark_apps"
PACKAGE = SPARK_APPS / "dvdrental_etl"
SQL_SCRIPTS = ROOT / "sql_scripts"


def copy_project(folder: Path) -> None:
    """The files of this project, as they are now, with its JDBC driver."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True
    )
    for name in listed.stdout.decode().split():
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, folder / name)
    shutil.copytree(ROOT / "jars", folder / "jars", dirs_exist_ok=True)

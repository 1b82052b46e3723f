"""The package as a zip: what --py-files takes, and what executors import.

`python -m dvdrental_etl.engine.package_zip build/jobs.zip`. The same sources give the same bytes, so that a cluster's
cache of the file stays valid.
"""

import sys
import zipfile
from pathlib import Path

from dvdrental_etl.config import ROOT

PACKAGE = "dvdrental_etl"
EPOCH = (1980, 1, 1, 0, 0, 0)


def contents(root: Path = ROOT) -> dict[str, Path]:
    """Name in the zip and file: the package, and the SQL that it reads as its data."""
    modules = {
        f"{PACKAGE}/{path.relative_to(root / 'spark_apps' / PACKAGE).as_posix()}": path
        for path in (root / "spark_apps" / PACKAGE).rglob("*.py")
    }
    scripts = {
        f"{PACKAGE}/{path.relative_to(root).as_posix()}": path
        for path in (root / "sql_scripts").rglob("*.sql")
    }
    return dict(sorted((modules | scripts).items()))


def build(target: Path, root: Path = ROOT) -> None:
    """Write the zip, in one step: a job that starts meanwhile reads the old one or the new one."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(".new")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in contents(root).items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.external_attr = 0o644 << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes())
    unfinished.replace(target)


if __name__ == "__main__":
    build(Path(sys.argv[1]))

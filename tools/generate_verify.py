"""Write the generated files of sql_scripts/verify: `python -m tools.generate_verify`, with spark_apps on PYTHONPATH.

They repeat what the DDL and each script's TARGET and SOURCES declare, in plain SQL that a DBA can run alone. The
queries on the source, sql_scripts/verify/source, are written by hand, so that verify checks the loads independently.
"""

import sys
from importlib import import_module
from pathlib import Path

from dvdrental_etl.model.targets import Fact, Scd2Dimension
from tools.verify_sql.files import generated_files
from tools.verify_sql.star import Grain, Star

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "sql_scripts" / "verify"


def declared_star(spark_apps: Path = ROOT / "spark_apps", folder: Path = FOLDER) -> Star:
    """The star as the scripts declare it. The separate columns of a dimension are those that have a source query."""
    scripts = [import_module(path.stem) for path in sorted(spark_apps.glob("load_*.py"))]
    targets = [script.TARGET for script in scripts]
    dimensions = [target for target in targets if isinstance(target, Scd2Dimension)]
    (fact,) = (target for target in targets if isinstance(target, Fact))
    return Star(
        dimensions,
        fact,
        {s.TARGET.table: Grain(s.SOURCES[0].name, s.SOURCES[0].key) for s in scripts},
        {
            d.table: sorted(path.stem.split(".")[1] for path in folder.glob(f"source/{d.table}.*.sql"))
            for d in dimensions
        },
    )


def stale_files(current: dict[str, str], folder: Path = FOLDER) -> list[Path]:
    """Generated files that no declaration leads to any more, such as those of a dimension that was removed."""
    return [
        path for path in sorted(folder.glob("warehouse/dim_*.sql")) if f"warehouse/{path.name}" not in current
    ]


def missing_source_queries(star: Star, folder: Path = FOLDER) -> list[Path]:
    """The queries that have to be written by hand and are not there."""
    queries = (folder / "source" / f"{dimension.table}.sql" for dimension in star.dimensions)
    return [query for query in queries if not query.is_file()]


def main() -> int:
    """Write all files. 1, naming the file, if a dimension has no query on the source."""
    star = declared_star()
    current = generated_files(star)
    for path in stale_files(current):
        path.unlink()
    for name, text in current.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    missing = [path.relative_to(ROOT).as_posix() for path in missing_source_queries(star)]
    for name in missing:
        print(
            f"error: {name} is missing -> write the query on the source: the columns of"
            f" {name.replace('/source/', '/warehouse/')}, written_since_load and missing_reference",
            file=sys.stderr,
        )
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())

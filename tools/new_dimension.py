"""Write the starting files of a new dimension: `python -m tools.new_dimension dim_language`.

They load a source table of the entity's name with the columns <entity>_id, name and last_update. Change them to what
the dimension is about; the README's steps say which file is for what.
"""

import re
import sys
from pathlib import Path
from string import Template

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = Path(__file__).with_name("templates")
#: Template -> the file that is made of it.
FILES = {
    "create_dimension.sql": "sql_scripts/create_{name}.sql",
    "load_dimension.py": "spark_apps/load_{name}.py",
    "source_query.sql": "sql_scripts/verify/source/{name}.sql",
    "test_load_dimension.py": "tests/unit/test_load_{name}.py",
}


def write(name: str, root: Path = ROOT) -> list[Path]:
    """The new files. Raises ValueError for a name that is not dim_<entity>, or that has files already."""
    if not re.fullmatch(r"dim_[a-z][a-z_]*", name):
        raise ValueError(
            f"'{name}' is not the name of a dimension: write dim_ and its entity, such as dim_language"
        )
    paths = {template: root / path.format(name=name) for template, path in FILES.items()}
    if existing := [path.relative_to(root).as_posix() for path in paths.values() if path.exists()]:
        raise ValueError(f"{name} exists: {', '.join(existing)}")
    for template, path in paths.items():
        text = Template((TEMPLATES / f"{template}.txt").read_text(encoding="utf-8"))
        path.write_text(text.substitute(name=name, entity=name.removeprefix("dim_")), encoding="utf-8")
    return list(paths.values())


def main(argv: list[str]) -> int:
    """0, or 2 for a wrong command line."""
    try:
        (name,) = argv
        written = write(name)
    except ValueError as error:
        print(f"error: {error}; usage: make new-dimension NAME=dim_language", file=sys.stderr)
        return 2
    for path in written:
        print(f"wrote {path.relative_to(ROOT)}")
    print(f'next: edit them; "{name}" in DIMENSIONS of dags/dvdrental_etl_dag.py; make generate; make check')
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

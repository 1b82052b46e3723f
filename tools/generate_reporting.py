"""Write sql_scripts/reporting, docs/data-dictionary.md and docs/star.svg: `python -m tools.generate_reporting`.

spark_apps is on PYTHONPATH. All of it follows from the DDL with its notes, and from each script's TARGET.
"""

from pathlib import Path

from tools.generate_verify import declared_star
from tools.reporting_sql.diagram import star_diagram
from tools.reporting_sql.dictionary import data_dictionary
from tools.reporting_sql.files import generated_files

ROOT = Path(__file__).resolve().parents[1]


def files() -> dict[Path, str]:
    """Every generated file, with its text."""
    star = declared_star()
    scripts = {
        ROOT / "sql_scripts" / "reporting" / name: text for name, text in generated_files(star).items()
    }
    pages = {"data-dictionary.md": data_dictionary(star), "star.svg": star_diagram(star)}
    return scripts | {ROOT / "docs" / name: text for name, text in pages.items()}


if __name__ == "__main__":
    for path, text in files().items():
        path.write_text(text, encoding="utf-8")

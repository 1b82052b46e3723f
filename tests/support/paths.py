"""Where the repository and its parts are."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SPARK_APPS = ROOT / "spark_apps"
PACKAGE = SPARK_APPS / "dvdrental_etl"
SQL_SCRIPTS = ROOT / "sql_scripts"

"""The mechanics that every load shares, in rooms. The meaning stands in the load_*.py scripts."""

import sys
from importlib.util import find_spec

#: The version of the suite; pyproject.toml reads it from here.
__version__ = "0.2.0"

if find_spec("psycopg2") is None or find_spec("pyarrow") is None:
    # spark-submit takes the first python3 on the PATH, which is often not the project's own.
    print(  # noqa: T201
        f"error: {sys.executable} has no psycopg2 or pyarrow"
        " -> activate the environment (`. .venv/bin/activate`) or set PYSPARK_PYTHON to its python",
        file=sys.stderr,
    )
    raise SystemExit(3)

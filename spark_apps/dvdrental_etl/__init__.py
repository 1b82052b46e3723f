"""The mechanics that every load shares: one word a module. The meaning lives in the load_*.py scripts."""

import sys
from importlib.util import find_spec

if find_spec("psycopg2") is None or find_spec("pyarrow") is None:
    # spark-submit takes the first python3 on the PATH, which is often not the project's own.
    print(  # noqa: T201
        f"error: {sys.executable} has no psycopg2 or pyarrow"
        " -> activate the environment (`. .venv/bin/activate`) or set PYSPARK_PYTHON to its python",
        file=sys.stderr,
    )
    raise SystemExit(3)

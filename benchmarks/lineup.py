"""Who takes part, and how each is started."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchError
from benchmarks.ground import ROOT, Place
from benchmarks.measure import clean_environment
from dvdrental_etl.engine import package_zip
from local_airflow.runtime import connections
from local_airflow.spark import SmallSpark

CONTENDERS = ROOT / "benchmarks" / "contenders"
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
SUBMIT = str(Path(sys.executable).with_name("spark-submit"))
JAR = str(ROOT / "jars" / "postgresql.jar")
BUNDLE = ROOT / "build" / "jobs.zip"
#: All cores for everybody: DuckDB and PostgreSQL take them too.
MASTER = "local[*]"
DIMENSIONS = ("dim_customer", "dim_movie", "dim_store", "dim_staff")

Commands = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Contender:
    """One way to do the work: the programs that do it, one after another, and their environment."""

    name: str
    title: str
    start: Callable[[Place], tuple[Commands, dict[str, str]]]


class Suite:
    """This suite, started as its DAG starts it: by its properties file, with the class archive made at set-up."""

    def __init__(self, work: Path) -> None:
        package_zip.build(BUNDLE)
        self._spark = SmallSpark(work)
        self._spark.write()

    def train(self, config: Path) -> bool:
        """Make the class archive if there is none. Whether there was none."""
        is_new = self._spark.train(config)
        self._spark.finish()
        return is_new

    def contender(self, *tables: str) -> Contender:
        """The jobs of these tables, one after another."""

        def start(place: Place) -> tuple[Commands, dict[str, str]]:
            made = connections(place.credentials, MASTER, self._spark.extra())
            extra = json.loads(made["AIRFLOW_CONN_SPARK_DEFAULT"])["extra"]
            commands = [
                [
                    *(SUBMIT, "--master", MASTER, "--deploy-mode", extra["deploy-mode"]),
                    *("--properties-file", extra[_properties(table)]),
                    *("--py-files", str(BUNDLE), "--jars", JAR, "--name", f"load_{table}"),
                    str(ROOT / "spark_apps" / f"load_{table}.py"),
                ]
                for table in tables
            ]
            return commands, _spark_environment(
                SPARK_LAUNCHER_OPTS=extra.get("launcher-opts", ""), **_settings(place)
            )

        return Contender("suite", "this suite", start)

    def extra(self) -> dict[str, str]:
        """What Airflow's connection spark_default says."""
        return self._spark.extra()


def _properties(table: str) -> str:
    return "fact-properties-file" if table == "fact_sales" else "properties-file"


def _settings(place: Place) -> dict[str, str]:
    """A job's settings as the DAG hands them over: in the environment, which `ps` does not show."""
    return {
        f"DVDRENTAL_{section}_{key}".upper(): value
        for section, part in place.credentials.items()
        for key, value in part.items()
        if value
    }


def _spark_environment(**more: str) -> dict[str, str]:
    given = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    return clean_environment(**given, **more)


def spark_rival(name: str, title: str, *scripts: str) -> Contender:
    """A plain Spark program: spark-submit, 4 GB of driver memory."""

    def start(place: Place) -> tuple[Commands, dict[str, str]]:
        commands = [
            [
                *(SUBMIT, "--master", MASTER, "--driver-memory", "4g", "--jars", JAR),
                *("--conf", "spark.sql.session.timeZone=UTC", "--conf", "spark.ui.enabled=false"),
                *("--driver-java-options", "-Duser.timezone=UTC"),
                *(str(CONTENDERS / f"{script}.py"), str(place.config)),
            ]
            for script in scripts
        ]
        return commands, _spark_environment()

    return Contender(name, title, start)


def python_rival(name: str, title: str, script: str, python: Path) -> Contender:
    """A plain Python program."""

    def start(place: Place) -> tuple[Commands, dict[str, str]]:
        if not python.exists():
            raise BenchError(f"{name} has no environment, .venv-bench: `make bench` makes it")
        command = [str(python), str(CONTENDERS / f"{script}.py"), str(place.config)]
        return [command], clean_environment(PYTHONPATH=str(ROOT))

    return Contender(name, title, start)


PLAIN = spark_rival("plain", "Spark JDBC, plain", "plain_fact_sales")
PLAIN_ALL = spark_rival(
    "plain", "Spark JDBC, plain: five scripts", *(f"plain_{table}" for table in (*DIMENSIONS, "fact_sales"))
)
TUNED = spark_rival("tuned", "Spark JDBC, tuned", "tuned_fact_sales")
DUCKDB = python_rival("duckdb", "DuckDB", "duckdb_fact_sales", BENCH_PYTHON)
DLT = python_rival("dlt", "dlt", "dlt_fact_sales", BENCH_PYTHON)
COPY = python_rival("copy", "PostgreSQL alone, COPY", "copy_fact_sales", Path(sys.executable))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

"""The contenders, and how each is started."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.errors import BenchError
from benchmarks.fixtures import ROOT, DatabasePair
from benchmarks.measure import clean_environment
from dvdrental_etl.engine import package_zip
from dvdrental_etl.model.contract import star_tables
from local_airflow.runtime import connections
from local_airflow.spark import LocalSpark

CONTENDERS = ROOT / "benchmarks" / "contenders"
BENCH_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
SAIL_PYTHON = ROOT / ".venv-sail" / "bin" / "python"
SUBMIT = str(Path(sys.executable).with_name("spark-submit"))
JAR = str(ROOT / "jars" / "postgresql.jar")
JOBS_ZIP = ROOT / "build" / "jobs.zip"
#: All cores, as DuckDB and PostgreSQL use them too.
MASTER = "local[*]"
FACT = "fact_sales"
DIMENSIONS = tuple(table for table in star_tables() if table != FACT)

#: Contenders read the suite's declarations, which are in spark_apps.
CONTENDER_PATH = f"{ROOT}:{ROOT / 'spark_apps'}"

Commands = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Contender:
    """One way to do the work. start: returns the programs to run one after another, and their environment."""

    name: str
    title: str
    start: Callable[[DatabasePair], tuple[Commands, dict[str, str]]]


class Suite:
    """This suite, started as its DAG does it: with its properties files and the class archive of the set-up."""

    def __init__(self, work: Path) -> None:
        package_zip.build(JOBS_ZIP)
        self._spark = LocalSpark(work)
        self._spark.write()

    def train(self, config: Path) -> bool:
        """Create the class archive if there is none. Returns whether it was created."""
        is_new = self._spark.train(config)
        self._spark.finish()
        return is_new

    def contender(self, *tables: str) -> Contender:
        """The jobs of these tables, one after another."""

        def start(pair: DatabasePair) -> tuple[Commands, dict[str, str]]:
            made = connections(pair.credentials, MASTER, self._spark.extra())
            extra = json.loads(made["AIRFLOW_CONN_SPARK_DEFAULT"])["extra"]
            commands = [
                [
                    *(SUBMIT, "--master", MASTER, "--deploy-mode", extra["deploy-mode"]),
                    *("--properties-file", extra[_properties(table)]),
                    *("--py-files", str(JOBS_ZIP), "--jars", JAR, "--name", f"load_{table}"),
                    str(ROOT / "spark_apps" / f"load_{table}.py"),
                ]
                for table in tables
            ]
            return commands, _spark_environment(
                SPARK_LAUNCHER_OPTS=extra.get("launcher-opts", ""), **_settings(pair)
            )

        return Contender("suite", "this suite", start)

    def on_sail(self, *tables: str) -> Contender:
        """The same jobs without Java."""

        def start(pair: DatabasePair) -> tuple[Commands, dict[str, str]]:
            _require("sail", SAIL_PYTHON)
            scripts = [str(ROOT / "spark_apps" / f"load_{table}.py") for table in tables]
            environment = clean_environment(DVDRENTAL_ENGINE_KIND="sail", **_consent(), **_settings(pair))
            return [[str(SAIL_PYTHON), script] for script in scripts], environment

        return Contender("sail", "this suite on Sail", start)

    def extra(self) -> dict[str, str]:
        """The extra of Airflow's connection spark_default."""
        return self._spark.extra()


def _properties(table: str) -> str:
    return "fact-properties-file" if table == FACT else "properties-file"


def _settings(pair: DatabasePair) -> dict[str, str]:
    """A job's settings as the DAG passes them: in the environment, which `ps` does not show."""
    return {
        f"DVDRENTAL_{section}_{key}".upper(): value
        for section, part in pair.credentials.items()
        for key, value in part.items()
        if value
    }


def _consent() -> dict[str, str]:
    """The setting that allows Sail on a shared host, where the caller has set it: a benchmark never does."""
    name = "DVDRENTAL_ENGINE_ON_SHARED_HOST"
    return {name: os.environ[name]} if name in os.environ else {}


def _spark_environment(**more: str) -> dict[str, str]:
    given = {"SPARK_LOCAL_IP": "127.0.0.1", "PYSPARK_PYTHON": sys.executable, "PYTHONPATH": str(ROOT)}
    return clean_environment(**given | more)


def spark_program(name: str, title: str, *scripts: str) -> Contender:
    """A plain Spark program: spark-submit, 4 GB of driver memory."""

    def start(pair: DatabasePair) -> tuple[Commands, dict[str, str]]:
        commands = [
            [
                *(SUBMIT, "--master", MASTER, "--driver-memory", "4g", "--jars", JAR),
                *("--conf", "spark.sql.session.timeZone=UTC", "--conf", "spark.ui.enabled=false"),
                *("--driver-java-options", "-Duser.timezone=UTC"),
                *(str(CONTENDERS / f"{script}.py"), str(pair.config)),
            ]
            for script in scripts
        ]
        return commands, _spark_environment(PYTHONPATH=CONTENDER_PATH)

    return Contender(name, title, start)


def _require(name: str, python: Path) -> None:
    if not python.exists():
        raise BenchError(f"{name} has no environment {python.parents[1].name}: `make bench` creates it")


def python_program(name: str, title: str, script: str, python: Path) -> Contender:
    """A plain Python program."""

    def start(pair: DatabasePair) -> tuple[Commands, dict[str, str]]:
        _require(name, python)
        command = [str(python), str(CONTENDERS / f"{script}.py"), str(pair.config)]
        return [command], clean_environment(PYTHONPATH=CONTENDER_PATH)

    return Contender(name, title, start)


PLAIN = spark_program("plain", "Spark JDBC, plain", "plain_fact_sales")
PLAIN_ALL = spark_program(
    "plain", "Spark JDBC, plain: five scripts", *(f"plain_{table}" for table in star_tables())
)
TUNED = spark_program("tuned", "Spark JDBC, tuned", "tuned_fact_sales")
DUCKDB = python_program("duckdb", "DuckDB", "duckdb_fact_sales", BENCH_PYTHON)
DLT = python_program("dlt", "dlt", "dlt_fact_sales", BENCH_PYTHON)
COPY = python_program("copy", "PostgreSQL alone, COPY", "copy_fact_sales", Path(sys.executable))


def cores() -> int:
    """The number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

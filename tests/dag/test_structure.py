"""The DAG as Airflow sees it: nothing runs, nothing is connected to."""

import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from airflow.providers.apache.spark.operators.spark_submit import SparkSubmitOperator
from airflow.serialization.encoders import coerce_to_core_timetable
from airflow.timetables import trigger
from airflow.timetables.base import TimeRestriction
from dvdrental import connections, guards, load_task, retries

from dvdrental_etl import config
from dvdrental_etl.model.contract import star_tables
from dvdrental_etl.pipeline import command_line
from tests.support.paths import ROOT

DIMENSIONS = {f"load_{table}" for table in star_tables() if table.startswith("dim_")}


@pytest.fixture(scope="module")
def dag(dag_file: ModuleType) -> Any:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(str(ROOT / "dags"))
    assert bag.import_errors == {}
    assert sorted(bag.dags) == ["dvdrental_downstream_example", "dvdrental_etl"]
    return bag.dags["dvdrental_etl"]


def test_edges(dag: Any) -> None:
    edges = {task.task_id: set(task.downstream_task_ids) for task in dag.tasks}
    assert edges == {
        "prepare": DIMENSIONS,
        **{dimension: {"load_fact_sales", "report"} for dimension in DIMENSIONS},
        "load_fact_sales": {"verify", "report"},
        "verify": {"report"},
        "report": {"quarantine"},
        "quarantine": set(),
    }


def test_each_script_has_its_task(dag: Any) -> None:
    scripts = {path.stem for path in (ROOT / "spark_apps").glob("load_*.py")}
    submitting = [task for task in dag.tasks if isinstance(task, SparkSubmitOperator)]
    assert scripts == {task.task_id for task in submitting}
    for task in submitting:
        assert Path(task.application) == ROOT / "spark_apps" / f"{task.task_id}.py"


def test_the_fact_may_also_change_its_dimensions(dag: Any) -> None:
    outlets = {task.task_id: [asset.name for asset in task.outlets] for task in dag.tasks if task.outlets}
    members = [task.removeprefix("load_") for task in outlets if task in DIMENSIONS]
    assert outlets == {f"load_{table}": [table] for table in members} | {
        "load_fact_sales": ["fact_sales", *members]
    }
    assert len(members) == len(DIMENSIONS)


def test_it_runs_nightly_one_run_at_a_time_with_timeouts(dag: Any) -> None:
    assert dag.max_active_runs == 1
    assert dag.catchup is False
    assert dag.dagrun_timeout == timedelta(hours=8)
    assert dag.timetable.timetable.expression == "0 3 * * *"
    assert [asset.name for asset in dag.timetable.asset_condition.objects] == ["dvdrental_source"]
    assert dag.doc_md
    for task in dag.tasks:
        assert task.execution_timeout
        assert task.execution_timeout < dag.dagrun_timeout
        assert task.pool == "default_pool"


@pytest.mark.parametrize(
    ("now", "first"),
    [("2007-05-14T02:59", "2007-05-14T03:00"), ("2007-05-14T03:01", "2007-05-15T03:00")],
)
def test_one_that_is_switched_on_waits_for_its_night(
    dag: Any, monkeypatch: pytest.MonkeyPatch, now: str, first: str
) -> None:
    monkeypatch.setattr(trigger, "utcnow", lambda: datetime.fromisoformat(f"{now}+00:00"))
    run = coerce_to_core_timetable(dag.timetable.timetable).next_dagrun_info(
        last_automated_data_interval=None, restriction=TimeRestriction(None, None, catchup=False)
    )
    assert run.run_after == datetime.fromisoformat(f"{first}+00:00")


def test_tasks_are_retried(dag: Any) -> None:
    for task in dag.tasks:
        assert task.retries == 3
        assert task.retry_exponential_backoff
        assert task.max_retry_delay <= timedelta(minutes=15)
        assert type(task.retry_policy).__name__ == "EtlRetryPolicy"


def test_a_skipped_dimension_stops_nothing_and_a_failed_one_does(dag: Any) -> None:
    rules = {task.trigger_rule.value for task in dag.tasks if task.upstream_task_ids and not task.is_teardown}
    assert rules == {"none_failed"}


def test_the_report_follows_every_run_and_does_not_decide_how_it_ended(dag: Any) -> None:
    for name in ("report", "quarantine"):
        task = dag.get_task(name)
        assert task.is_teardown
        assert not task.on_failure_fail_dagrun
        assert task.trigger_rule.value == "all_done_setup_success"  # and there is no setup


def test_a_late_night_has_a_deadline_before_the_timeout(dag: Any) -> None:
    (deadline,) = dag.deadline
    assert deadline.interval < dag.dagrun_timeout
    assert deadline.callback.path == "dvdrental.alerts.late_night"


def test_templates_hold_for_every_kind_of_run(dag: Any) -> None:
    """Manual and asset-triggered runs have no logical date and no data interval."""
    scheduled_only = re.compile(r"\b(ds|ts|logical_date|data_interval\w*|prev_\w+|next_\w+)\b")
    templates = [str(getattr(task, field)) for task in dag.tasks for field in task.template_fields]
    expressions = re.findall(r"\{[{%](.*?)[%}]\}", " ".join([*templates, *connections.SETTINGS.values()]))
    assert expressions
    assert not [expression for expression in expressions if scheduled_only.search(expression)]


def test_parsing_imports_no_pyspark_and_connects_to_nothing() -> None:
    program = (
        "import runpy, socket, sys\n"
        "def closed(*_): raise AssertionError('a connection at parse time')\n"
        "socket.socket.connect = closed\n"
        "sys.path.insert(0, 'dags')\n"
        "runpy.run_path('dags/dvdrental_etl_dag.py')\n"
        "print([name for name in sys.modules if name.split('.')[0] in ('pyspark', 'dvdrental_etl')])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def connection(**given: Any) -> SimpleNamespace:
    fields = {
        "conn_type": "postgres",
        "host": "db",
        "port": None,
        "schema": "d",
        "login": "u",
        "password": "p",
    }
    return SimpleNamespace(**{**fields, "extra_dejson": {}, **given})


def rendered(dag: Any, **others: SimpleNamespace) -> dict[str, str]:
    given = {"dvdrental_source": connection(), "dvdrental_warehouse": connection(), **others}
    context = {"conn": SimpleNamespace(**given)}
    result: dict[str, str] = dag.get_task("prepare").render_template(connections.SETTINGS, context)
    return result


def test_connections_become_the_settings_that_the_jobs_read(dag: Any) -> None:
    engine = {name for name in connections.SPARK if name.startswith("DVDRENTAL_")}
    assert {*connections.SETTINGS, *engine} == {f"DVDRENTAL_{s}_{k}".upper() for s, k, _ in config.KEYS}
    source = connection(host="s.example", port=6543, password='q"{{x}}', extra_dejson={"sslmode": "require"})
    warehouse = connection(extra_dejson={"schema": "star"})
    values = rendered(dag, dvdrental_source=source, dvdrental_warehouse=warehouse)
    loaded = config.load(None, values)
    assert loaded.source.url == "jdbc:postgresql://s.example:6543/d?sslmode=require"
    assert loaded.source.password == 'q"{{x}}'
    assert loaded.source.schema == "public"
    assert (loaded.warehouse.kind, loaded.warehouse.schema) == ("postgres", "star")
    assert loaded.warehouse.url == "jdbc:postgresql://db:5432/d"


def test_limits_of_the_environment_hold_for_every_task(dag: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from dvdrental import run_tasks

    monkeypatch.setenv("DVDRENTAL_LIMITS_CONNECT_SECONDS", "61")
    databases = SimpleNamespace(dvdrental_source=connection(), dvdrental_warehouse=connection())
    settings = run_tasks.etl_settings({"task": dag.get_task("prepare"), "conn": databases})
    assert settings.limits.connect_seconds == 61
    assert settings.source.url == "jdbc:postgresql://db:5432/d"


@pytest.mark.parametrize("name", ["a+b", "100%25", "a?b", "a/b", "a b", "ü"])
def test_a_connections_database_is_the_one_that_is_reached(dag: Any, name: str) -> None:
    loaded = config.load(None, rendered(dag, dvdrental_source=connection(schema=name)))
    assert loaded.source.libpq()["dbname"] == name


@pytest.mark.parametrize("host", ["::1", "[::1]"])
def test_a_connections_host_may_be_an_ipv6_address(dag: Any, host: str) -> None:
    loaded = config.load(None, rendered(dag, dvdrental_source=connection(host=host)))
    assert (loaded.source.libpq()["host"], loaded.source.libpq()["port"]) == ("::1", "5432")


@pytest.mark.parametrize("host", [None, ""])
def test_a_connection_without_host_fails_at_once(dag: Any, host: str | None) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    with pytest.raises(AirflowFailException, match="connection dvdrental_source has no host -> "):
        rendered(dag, dvdrental_source=connection(conn_id="dvdrental_source", host=host))


def test_a_redshift_connection_becomes_redshift_settings(dag: Any) -> None:
    extra = {"s3_staging": "s3://b/p", "s3_iam_role": "arn:r"}
    values = rendered(dag, dvdrental_warehouse=connection(conn_type="redshift", extra_dejson=extra))
    assert values["DVDRENTAL_WAREHOUSE_KIND"] == "redshift"
    assert values["DVDRENTAL_WAREHOUSE_URL"] == "jdbc:redshift://db:5439/d"
    assert values["DVDRENTAL_S3_STAGING"] == "s3://b/p"
    assert values["DVDRENTAL_S3_IAM_ROLE"] == "arn:r"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        (
            {"host": "c.abc.eu-west-1.redshift.amazonaws.com", "login": "etl", "extra_dejson": {"iam": True}},
            "jdbc:redshift:iam://c.abc.eu-west-1.redshift.amazonaws.com:5439/d",
        ),
        (
            {
                "host": None,
                "login": None,
                "extra_dejson": {
                    "iam": True,
                    "cluster_identifier": "c",
                    "region": "eu-west-1",
                    "db_user": "etl",
                    "db_groups": ["a", "b"],
                    "auto_create": True,
                },
            },
            "jdbc:redshift:iam://c:eu-west-1/d?DbUser=etl&DbGroups=a%2Cb&AutoCreate=true",
        ),
        (
            {
                "login": None,
                "extra_dejson": {"iam": "true", "is_serverless": True, "serverless_work_group": "w"},
            },
            "jdbc:redshift:iam://db:5439/d?IsServerless=true&ServerlessWorkGroup=w",
        ),
    ],
)
def test_airflows_extras_for_iam_become_a_url(dag: Any, given: dict[str, Any], url: str) -> None:
    staging = {"s3_staging": "s3://b/p", "query_group": "night", "s3_kms_key": "alias/etl"}
    given = given | {"extra_dejson": given["extra_dejson"] | staging}
    values = rendered(dag, dvdrental_warehouse=connection(conn_type="redshift", password=None, **given))
    loaded = config.load(None, values)
    assert loaded.warehouse.url == url
    assert (loaded.warehouse.query_group, loaded.s3.kms_key) == ("night", "alias/etl")


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("local[2]", "127.0.0.1"),
        ("spark://127.0.0.1:7077", "127.0.0.1"),
        ("spark://master:7077", ""),
        ("yarn", ""),
    ],
)
def test_a_driver_is_reached_from_outside_only_where_executors_are_outside(
    dag: Any, host: str, address: str
) -> None:
    context = {"conn": SimpleNamespace(spark_default=connection(host=host))}
    assert dag.get_task("prepare").render_template(connections.SPARK, context)["SPARK_LOCAL_IP"] == address


@pytest.mark.parametrize(
    ("host", "extra", "engine"),
    [
        ("local[2]", {}, ("spark", "")),
        ("sail", {}, ("sail", "")),
        ("sail", {"on-shared-host": "allow"}, ("sail", "allow")),
    ],
)
def test_the_connection_chooses_the_engine(
    dag: Any, host: str, extra: dict[str, str], engine: tuple[str, str]
) -> None:
    context = {"conn": SimpleNamespace(spark_default=connection(host=host, extra_dejson=extra))}
    rendered = dag.get_task("prepare").render_template(connections.SPARK, context)
    assert (rendered["DVDRENTAL_ENGINE_KIND"], rendered["DVDRENTAL_ENGINE_ON_SHARED_HOST"]) == engine


def operator(dag: Any, params: dict[str, Any]) -> Any:
    """A loading task as it is just before it executes: rendered, and fitted to the run."""
    task = SimpleNamespace(
        task_id="load_dim_store", env_vars={"DVDRENTAL_TEST_SET": "1", "DVDRENTAL_TEST_UNSET": ""}
    )
    context: Any = {
        "params": {**{name: param.value for name, param in dag.params.items()}, **params},
        "run_id": "r 1",
        "ti": SimpleNamespace(xcom_pull=lambda task_ids: {"prepare": "2007-05-14T13:44:29"}[task_ids]),
    }
    task.application_args = dag.get_task("prepare").render_template(load_task.ARGUMENTS, context)
    context["task"] = task
    load_task.fit_to_run(context)
    return task


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    held: dict[str, str] = {}
    monkeypatch.setattr("dvdrental.load_task.os.environ", held)
    return held


@pytest.mark.parametrize(
    ("params", "arguments"),
    [
        ({}, []),
        ({"full_refresh": True}, ["--full-refresh"]),
        (
            {"dry_run": True, "allow_mass_delete": True},
            ["--dry-run", "--as-of=2007-05-14T13:44:29", "--allow-mass-delete"],
        ),
    ],
)
def test_the_form_becomes_arguments_that_the_scripts_take(
    dag: Any, environment: dict[str, str], params: dict[str, Any], arguments: list[str]
) -> None:
    task = operator(dag, params)
    assert task.application_args == ["--batch-id=r 1", *arguments]
    options = command_line.parse(SimpleNamespace(table="dim_store"), "", task.application_args)  # type: ignore[arg-type]
    assert options.batch_id == "r 1"


def test_settings_reach_spark_by_the_environment_only(dag: Any, environment: dict[str, str]) -> None:
    task = operator(dag, {})
    assert {name: environment[name] for name in environment if "DVDRENTAL" in name} == {
        "DVDRENTAL_TEST_SET": "1"
    }
    assert task.env_vars == {}


def test_a_table_that_was_not_selected_is_skipped(dag: Any, environment: dict[str, str]) -> None:
    from airflow.sdk.exceptions import AirflowSkipException

    with pytest.raises(AirflowSkipException, match="dim_store"):
        operator(dag, {"tables": ["fact_sales"]})


def test_the_form_refuses_what_is_no_table(dag: Any) -> None:
    from airflow.sdk.exceptions import ParamValidationError

    with pytest.raises(ParamValidationError):
        dag.params.get_param("tables").resolve(value=["dim_nothing"])


def test_as_of_is_a_timestamp_or_empty() -> None:
    from airflow.sdk.exceptions import AirflowFailException

    assert guards.parsed_as_of(None) is None
    assert guards.parsed_as_of("2007-05-14T13:44:29") == datetime(2007, 5, 14, 13, 44, 29)
    assert guards.parsed_as_of("2007-05-14T13:44:29Z") == datetime(2007, 5, 14, 13, 44, 29, tzinfo=UTC)
    with pytest.raises(AirflowFailException, match="'yesterday', which is not a timestamp"):
        guards.parsed_as_of("yesterday")


@pytest.mark.parametrize(
    "given",
    [
        {"host": "local[2]"},
        {"host": "local"},
        {"host": "yarn"},
        {"host": "spark://master:7077"},
        {"host": "master", "port": 7077},
        {"host": "k8s://https://cluster"},
        {"host": "sail"},
    ],
)
def test_a_spark_connection_is_accepted(monkeypatch: pytest.MonkeyPatch, given: dict[str, Any]) -> None:
    spark = connection(conn_type="spark", **given)
    monkeypatch.setattr("dvdrental.connections.BaseHook.get_connection", lambda _: spark)
    connections.check_spark()


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"host": ""}, "does not name a Spark master"),
        ({"host": None}, "does not name a Spark master"),
        ({"host": "spark://local[2]"}, "does not name a Spark master"),
        ({"conn_type": "local", "host": "[2]"}, "does not name a Spark master"),
        ({"host": "yarn", "extra_dejson": {"deploy-mode": "cluster"}}, "deploy-mode cluster"),
    ],
)
def test_a_spark_connection_that_would_lead_elsewhere_is_refused(
    monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], complaint: str
) -> None:
    from airflow.sdk.exceptions import AirflowFailException

    spark = connection(**{"conn_type": "spark", **given})
    monkeypatch.setattr("dvdrental.connections.BaseHook.get_connection", lambda _: spark)
    with pytest.raises(AirflowFailException, match=complaint):
        connections.check_spark()


def test_a_missing_spark_connection_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.sdk.exceptions import AirflowFailException, AirflowNotFoundException

    def missing(_: str) -> None:
        raise AirflowNotFoundException("The conn_id `spark_default` isn't defined")

    monkeypatch.setattr("dvdrental.connections.BaseHook.get_connection", missing)
    with pytest.raises(AirflowFailException, match=r"spark_default is missing.*local\[2\]"):
        connections.check_spark()


def submit_error(code: int, problem: str = "") -> Exception:
    from airflow.sdk.exceptions import AirflowException
    from dvdrental.failures import job_failed

    text = f"Cannot execute: spark-submit x.py. Error code is: {code}.\nLast spark-submit output:\nError code is: 3"
    return job_failed(AirflowException(text), problem)


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (submit_error(2), False),
        (submit_error(3), False),
        (submit_error(4, "source db:5432/d cannot be reached"), True),
        (submit_error(4, "source db:5432/d: x -> do (docs/runbook.md#exit-4-source)"), True),
        (submit_error(4, "no table film -> do (docs/runbook.md#exit-4-source-contract)"), False),
        (submit_error(5), False),
        (submit_error(6), True),
        (submit_error(7, "in a message: Error code is: 3"), True),
        (submit_error(1), True),
        (submit_error(137), True),
        (submit_error(-9), True),
        (TimeoutError("Task exceeded its timeout"), True),
    ],
)
def test_retry_by_exit_code(error: Exception, again: bool) -> None:
    from airflow.sdk import RetryAction

    decision = retries.EtlRetryPolicy().evaluate(error, 1, 3)
    assert decision.action is (RetryAction.DEFAULT if again else RetryAction.FAIL)
    assert again or decision.reason


@pytest.mark.parametrize(
    ("name", "again"),
    [
        ("ConfigError", False),
        ("SourceError", True),
        ("ContractError", False),
        ("GateRefused", False),
        ("WarehouseError", True),
    ],
)
def test_retry_by_the_error_of_prepare_and_verify(name: str, again: bool) -> None:
    from airflow.sdk import RetryAction

    from dvdrental_etl import errors

    decision = retries.EtlRetryPolicy().evaluate(getattr(errors, name)("what", "do"), 1, 3)
    assert decision.action is (RetryAction.DEFAULT if again else RetryAction.FAIL)

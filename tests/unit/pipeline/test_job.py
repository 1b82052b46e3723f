"""The command line: flags, defaults, what is refused, and what --help tells; errors and their exit codes."""

import datetime as dt
from pathlib import Path

import psycopg2
import psycopg2.errors
import pytest
from botocore.exceptions import EndpointConnectionError
from pyspark.errors import PySparkException

from dvdrental_etl import config, errors
from dvdrental_etl.pipeline import command_line, job
from dvdrental_etl.pipeline.failures import attributed
from load_dim_customer import TARGET


def parsed(*argv):
    return command_line.parse(
        TARGET, "Load dim_customer. Grain: one row per version of a customer (SCD2).", argv
    )


def test_without_flags():
    assert parsed() == command_line.Options(
        config=None,
        as_of=None,
        full_refresh=False,
        dry_run=False,
        allow_mass_delete=False,
        batch_id=None,
        debug=False,
    )


def test_with_every_flag():
    found = parsed(
        *("--config", "other.json", "--as-of", "2007-05-14T13:44:29", "--full-refresh", "--dry-run"),
        *("--allow-mass-delete", "--batch-id", "manual__2007-05-14T00:00:00+00:00", "--debug"),
    )
    assert found == command_line.Options(
        config=Path("other.json"),
        as_of=dt.datetime.fromisoformat("2007-05-14 13:44:29"),
        full_refresh=True,
        dry_run=True,
        allow_mass_delete=True,
        batch_id="manual__2007-05-14T00:00:00+00:00",
        debug=True,
    )


@pytest.mark.parametrize(
    ("flag", "option"),
    [
        ("--full-refresh", "full_refresh"),
        ("--dry-run", "dry_run"),
        ("--allow-mass-delete", "allow_mass_delete"),
        ("--debug", "debug"),
    ],
)
def test_a_switch_turns_on_one_option(flag, option):
    found = parsed(flag)
    on = [name for name in ("full_refresh", "dry_run", "allow_mass_delete", "debug") if getattr(found, name)]
    assert on == [option]


def test_a_value_may_be_glued_to_its_flag():
    assert parsed("--batch-id=-odd name").batch_id == "-odd name"


def test_as_of_keeps_microseconds_and_takes_a_day_for_its_midnight():
    assert parsed("--as-of", "2007-02-14 21:21:59.996577").as_of == dt.datetime.fromisoformat(
        "2007-02-14 21:21:59.996577"
    )
    assert parsed("--as-of", "2007-02-14").as_of == dt.datetime.fromisoformat("2007-02-14 00:00:00")


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--refresh"], "unrecognized arguments: --refresh"),
        (["--full"], "unrecognized arguments: --full"),
        (["dim_customer"], "unrecognized arguments: dim_customer"),
        (["--config"], "argument --config: expected one argument"),
        (["--as-of", "yesterday"], "argument --as-of: "),
        (["--as-of", ""], "argument --as-of: "),
        (["--as-of", "2007-02-30"], "argument --as-of: "),
        (["--as-of", "2007-05-14T13:44:29Z"], "as_of is on the source's clock and has no zone"),
        (["--as-of", "2007-05-14T13:44:29+02:00"], "as_of is on the source's clock and has no zone"),
    ],
)
def test_a_command_line_that_makes_no_sense_ends_with_2(capsys, argv, message):
    with pytest.raises(SystemExit) as ended:
        parsed(*argv)
    assert ended.value.code == 2
    assert message in capsys.readouterr().err


def test_help_lists_grain_flags_exit_codes_and_variables(capsys):
    with pytest.raises(SystemExit) as ended:
        parsed("--help")
    assert ended.value.code == 0
    printed = capsys.readouterr().out
    assert printed.startswith("usage: load_dim_customer.py ")
    assert "one row per version of a customer" in printed
    for flag in (
        *(
            "--config",
            "--as-of",
            "--full-refresh",
            "--dry-run",
            "--allow-mass-delete",
            "--batch-id",
            "--debug",
        ),
    ):
        assert flag in printed
    for code in (
        *("0 done", "2 usage", "3 configuration", "4 source unreachable", "5 gate refused"),
        *("6 fenced or locked", "7 warehouse"),
    ):
        assert code in printed
    for name in ("DVDRENTAL_SOURCE_URL", "DVDRENTAL_WAREHOUSE_KIND", "DVDRENTAL_S3_STAGING"):
        assert name in printed


def test_a_script_without_docstring_still_has_help(capsys):
    with pytest.raises(SystemExit), job.start(TARGET, None, ["--help"]):
        pass
    assert "exit codes:" in capsys.readouterr().out


def test_a_wrong_configuration_ends_with_3_and_one_line(capsys, tmp_path):
    missing = tmp_path / "missing.json"
    with pytest.raises(SystemExit) as ended, job.start(TARGET, "about", ["--config", str(missing)]):
        pytest.fail("the run must not begin")
    assert ended.value.code == 3
    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == (
        f"load_dim_customer: error: there is no configuration file {missing}"
        " -> copy config/credentials_template.json there and fill it in (docs/runbook.md#exit-3-configuration)\n"
    )


NAMES = {
    "DVDRENTAL_SOURCE_URL": "jdbc:postgresql://s/d",
    "DVDRENTAL_SOURCE_USER": "u",
    "DVDRENTAL_WAREHOUSE_KIND": "postgres",
    "DVDRENTAL_WAREHOUSE_URL": "jdbc:postgresql://w/d",
    "DVDRENTAL_WAREHOUSE_USER": "u",
}


@pytest.mark.parametrize(
    ("raised", "error", "printed"),
    [
        (
            "Job aborted: Lost task 0.3 in stage 1.0: ExecutorLostFailure (executor 5 exited): exit code 137",
            errors.WarehouseError,
            "warehouse w:5432/d: staging failed: a worker or an executor was killed, or out of memory",
        ),
        (
            "ResultStage 3 has failed: org.apache.spark.shuffle.MetadataFetchFailedException: Missing an output",
            errors.WarehouseError,
            "warehouse w:5432/d: staging failed: a worker or an executor was killed, or out of memory",
        ),
        (
            "An exception was thrown from the Python worker: Traceback\n  File x\nModuleNotFoundError: No module 'x'\n",
            errors.WarehouseError,
            "warehouse w:5432/d: staging failed: ModuleNotFoundError: No module 'x'",
        ),
        (
            "Python worker exited unexpectedly\npsycopg2.OperationalError: the server closed the connection\n",
            errors.WarehouseError,
            "warehouse w:5432/d: staging failed: psycopg2.OperationalError: the server closed the connection",
        ),
        (
            "Job aborted\norg.postgresql.util.PSQLException: ERROR: permission denied\n",
            errors.SourceError,
            "source s:5432/d: reading failed: org.postgresql.util.PSQLException: ERROR: permission denied",
        ),
        (
            'COPY failed: TimeoutError: no row for 4 s\n  File "/x/engine/sail_source.py"\npsycopg2',
            errors.SourceError,
            "source s:5432/d: reading failed: COPY failed: TimeoutError: no row for 4 s",
        ),
        (
            psycopg2.OperationalError("the server closed the connection\nunexpectedly"),
            errors.WarehouseError,
            "warehouse w:5432/d: staging failed: the server closed the connection",
        ),
        (
            psycopg2.errors.InsufficientPrivilege("permission denied for table stg"),
            errors.WarehouseError,
            "warehouse w:5432/d: staging failed: permission denied for table stg",
        ),
        (
            EndpointConnectionError(endpoint_url="https://s3"),
            errors.WarehouseError,
            'warehouse w:5432/d: staging failed: Could not connect to the endpoint URL: "https://s3"',
        ),
    ],
)
def test_whose_fault_it_is_that_rows_did_not_arrive(raised, error, printed):
    configured = config.load(None, NAMES)
    with pytest.raises(error) as seen, attributed(configured):
        raise PySparkException(raised) if isinstance(raised, str) else raised
    assert seen.value.message == printed


def test_an_internal_error_is_not_reported_as_another_systems():
    with pytest.raises(KeyError), attributed(config.load(None, NAMES)):
        raise KeyError("psycopg2")


def test_debug_shows_the_stack_after_the_line(capsys, tmp_path):
    argv = ["--debug", "--config", str(tmp_path / "missing.json")]
    with pytest.raises(SystemExit) as ended, job.start(TARGET, "about", argv):
        pytest.fail("the run must not begin")
    assert ended.value.code == 3
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith("load_dim_customer: error: there is no configuration file")
    assert lines[1] == "Traceback (most recent call last):"


def test_each_error_has_the_exit_code_in_the_help():
    assert {
        error: error.exit_code
        for error in (
            *(errors.EtlError, errors.UsageError, errors.ConfigError, errors.SourceError),
            *(errors.ContractError, errors.GateRefused, errors.Fenced, errors.WarehouseError),
        )
    } == {
        errors.EtlError: 1,
        errors.UsageError: 2,
        errors.ConfigError: 3,
        errors.SourceError: 4,
        errors.ContractError: 4,
        errors.GateRefused: 5,
        errors.Fenced: 6,
        errors.WarehouseError: 7,
    }


def test_an_error_is_one_line_whatever_it_was_made_of():
    error = errors.WarehouseError("warehouse h:1/d:\n  something\tbroke", "look\nthere")
    assert str(error) == "warehouse h:1/d: something broke -> look there (docs/runbook.md#exit-7-warehouse)"
    assert str(errors.EtlError("no hint")) == "no hint"


def test_the_first_line_that_is_not_empty():
    assert errors.first_line(ValueError("\n\n  FATAL: no such role \nDETAIL: none")) == "FATAL: no such role"
    assert errors.first_line(ValueError("")) == "ValueError"

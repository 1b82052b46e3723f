"""The benchmark's pure parts, by hand; and how it measures, on real processes."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import __main__ as command
from benchmarks import chart, measure
from benchmarks.errors import BenchError
from benchmarks.fixtures import DatabasePair, Fixtures
from benchmarks.results import DONE, Measured, Result, Run
from benchmarks.rounds import Entry, run_rounds
from benchmarks.show import show
from sandbox.fill import Content
from sandbox.server import Sandbox
from tests.support.paths import ROOT, SPARK_APPS

HEAP = "exit code 1, OutOfMemoryError: Java heap space"


def run(contender: str, number: int, seconds: float, ended: str = DONE, peak: int = 500_000_000) -> Run:
    return Run(contender, number, ended, seconds, cpu=seconds * 2, peak_bytes=peak, server_cpu=seconds / 2)


def result(
    *runs: Run, what: str = "full", data: str = "scale 30", rows: int = 1000, changed: int = 0
) -> Result:
    return Result(
        what=what,
        about="fact_sales, everything",
        data=data,
        rows=rows,
        changed=changed,
        date="2026-01-31",
        machine={"cores": 2, "memory_gb": 23.5, "cpu": "A CPU", "os": "An OS"},
        versions={"python": "3.11"},
        memory="PSS",
        titles={"suite": "this suite", "plain": "Spark JDBC, plain", "duckdb": "DuckDB"},
        runs=list(runs),
    )


THREE = result(
    *(run("suite", 1, 10), run("plain", 1, 40), run("duckdb", 1, 5)),
    *(run("suite", 2, 20), run("plain", 2, 50, HEAP), run("duckdb", 2, 4)),
    *(run("suite", 3, 40), run("duckdb", 3, 2)),
)


def test_medians_are_of_the_runs_that_ended_well():
    suite, plain, duckdb = THREE.summaries()
    assert (suite.seconds, suite.fastest, suite.slowest, suite.cpu, suite.server_cpu) == (20, 10, 40, 40, 10)
    assert (suite.runs, suite.ended, suite.peak_bytes, suite.rows_per_second) == (3, DONE, 500_000_000, 50)
    assert (plain.runs, plain.seconds, plain.ended) == (1, 40, HEAP)
    assert duckdb.seconds == 4


def test_a_ratio_is_the_median_of_the_pairs_of_one_round_not_the_ratio_of_medians():
    suite, plain, duckdb = THREE.summaries()
    assert suite.ratio == 1
    assert plain.ratio == 4, "round 1 alone has a pair"
    assert duckdb.ratio == 0.2
    crossed = result(run("suite", 1, 1), run("duckdb", 1, 3), run("suite", 2, 9), run("duckdb", 2, 3))
    assert crossed.ratio("duckdb") == pytest.approx((3 + 1 / 3) / 2), "the medians, 3 and 5, would say 0.6"


def test_who_never_ended_well_has_no_figures():
    nobody = result(run("suite", 1, 10), run("plain", 1, 60, HEAP))
    _, plain, duckdb = nobody.summaries()
    assert (plain.seconds, plain.ratio, plain.rows_per_second, plain.ended) == (None, None, None, HEAP)
    assert duckdb.ended == "did not run"


def test_the_rows_of_a_night_make_no_speed():
    assert result(run("suite", 1, 10), changed=3).summaries()[0].rows_per_second is None


def test_a_document_is_read_back_as_the_same_result():
    document = json.loads(json.dumps(THREE.document()))
    assert document["base"] == "suite"
    assert document["summaries"][2]["ratio"] == 0.2
    assert Result.read(document).document() == THREE.document()


def test_the_table_has_a_row_for_each_and_names_the_failed():
    out = io.StringIO()
    show(
        result(*THREE.runs[:2], run("duckdb", 1, 61, "over the limit of 60 s")), Console(file=out, width=110)
    )
    lines = [" ".join(line.split()) for line in out.getvalue().splitlines()]
    assert "fact_sales, everything, scale 30: 1,000 payments" in lines
    assert "this suite 10.0 10.0 - 10.0 1.00 20.0 5.0 500 100" in lines
    assert "Spark JDBC, plain 40.0 40.0 - 40.0 4.00 80.0 20.0 500 25" in lines
    assert "DuckDB: over the limit of 60 s" in lines


def test_a_chart_has_the_fastest_on_top_and_the_failed_below():
    drawn = chart.panel(result(*THREE.runs[:3], run("plain", 2, 1, HEAP)))
    assert [(bar.title, bar.seconds) for bar in drawn.bars] == [
        ("DuckDB", 5),
        ("this suite", 10),
        ("Spark JDBC, plain", 40),
    ]
    assert drawn.title == "fact_sales, everything: 1,000 payments"
    assert drawn.bars[1].note == "10.0 s, 0.5 GB"
    assert [bar.is_ours for bar in drawn.bars] == [False, True, False]
    dead = chart.panel(result(run("suite", 1, 10), run("plain", 1, 60, HEAP))).bars
    assert [(bar.title, bar.note) for bar in dead][1] == ("Spark JDBC, plain", HEAP)


def test_each_scale_has_a_separate_sandbox(tmp_path):
    dump = tmp_path / "any.tar"
    dump.touch()
    all_fixtures = [
        Fixtures(tmp_path, made, print) for made in (Content(dump), Content(scale=30), Content(scale=0.05))
    ]
    assert [
        (fixtures.name, fixtures.sandbox.directory.relative_to(tmp_path)) for fixtures in all_fixtures
    ] == [
        ("dump", Path("dump")),
        ("scale 30", Path("scale-30")),
        ("scale 0.05", Path("scale-0.05")),
    ]


def test_results_are_drawn_in_order_of_kind_and_size(tmp_path):
    for what, data, rows in (
        ("night", "scale 30", 437_880),
        ("full", "scale 1000", 14_596_000),
        ("full", "scale 30", 437_880),
        ("dag", "dump", 14_596),
    ):
        command.save(result(run("suite", 1, 10), what=what, data=data, rows=rows), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        *("night-scale-30.json", "full-scale-1000.json", "full-scale-30.json", "dag-dump.json"),
    }
    found = [(one.what, one.data) for one in chart.read(tmp_path)]
    assert found == [("full", "scale 30"), ("full", "scale 1000"), ("dag", "dump"), ("night", "scale 30")]
    assert chart.footer(chart.read(tmp_path)).endswith("\n2 cores, 24 GB, A CPU")


def entry(name: str, log: list[str], ended: str = DONE, is_right: bool = True) -> Entry:
    pair = DatabasePair(Sandbox(Path("nowhere")), "source", "warehouse", Path("config"))

    def check(_: DatabasePair) -> None:
        log.append(f"check {name}")
        if not is_right:
            raise BenchError(f"{name}: fact_sales is wrong")

    def start(_: DatabasePair, run_name: str) -> Measured:
        log.append(run_name)
        return Measured(ended, 1, 1, 1)

    return Entry(name, name, lambda: pair, start, check)


def test_contenders_run_in_turn_and_the_failed_are_left_out_later():
    log: list[str] = []
    runs = run_rounds(
        [entry("a", log), entry("b", log, ended=HEAP)], 2, lambda _: None, lambda: log.append("night")
    )
    assert log == ["night", "a-1", "check a", "b-1", "night", "a-2", "check a"]
    assert [(one.contender, one.round, one.ended) for one in runs] == [
        ("a", 1, DONE),
        ("b", 1, HEAP),
        ("a", 2, DONE),
    ]


def test_a_wrong_table_ends_the_benchmark():
    log: list[str] = []
    with pytest.raises(BenchError, match="b: fact_sales is wrong"):
        run_rounds([entry("a", log), entry("b", log, is_right=False)], 2, lambda _: None)
    assert log[-1] == "check b"


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (
            "x\njava.lang.OutOfMemoryError: Java heap space\n\tat a.b\n",
            "exit code 1, OutOfMemoryError: Java heap space",
        ),
        ("psycopg2.OperationalError: /tmp/socket: no\n", "exit code 1, OperationalError"),
        ("ValueError: first\nKeyError: 'x'\n", "exit code 1, KeyError"),
        ("nothing that helps\n", "exit code 1"),
    ],
)
def test_why_a_program_failed(said, why):
    assert measure.reason(said, 1) == why


def python(program: str) -> list[str]:
    return [sys.executable, "-c", program]


BURN = "import time\nwhile time.process_time() < 0.3: pass\n"


def test_cpu_seconds_are_those_of_all_programs_and_their_children(tmp_path):
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}])"
    measured = measure.run(
        [python(BURN), python(child)], measure.clean_environment(), tmp_path / "log", limit=60
    )
    assert measured.ended == DONE
    assert measured.cpu >= 0.6
    assert measured.seconds >= 0.6 / (os.cpu_count() or 1)
    assert measured.peak_bytes > 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets orphans be adopted")
def test_the_cpu_seconds_of_an_orphan_count(tmp_path):
    # The middle process ends at once; the last one works on, and the first waits until it closes the pipe.
    program = f"""
import os
from tests.support.paths import ROOT, SPARK_APPS
reading, writing = os.pipe()
if os.fork() == 0:
    if os.fork() == 0:
        exec({BURN!r})
    os._exit(0)
os.wait()
os.close(writing)
os.read(reading, 1)
"""
    measured = measure.run([python(program)], measure.clean_environment(), tmp_path / "log", limit=60)
    assert measured.ended == DONE
    assert measured.cpu >= 0.3


def test_the_first_program_that_fails_is_the_last(tmp_path):
    log = tmp_path / "log"
    commands = [python("raise ValueError('no')"), python("print('never')")]
    measured = measure.run(commands, measure.clean_environment(), log, limit=60)
    assert measured.ended == "exit code 1, ValueError: no"
    assert "never\n" not in log.read_text()


def test_a_program_over_its_limit_is_stopped_with_all_children(tmp_path):
    say = "print(os.getpid(), flush=True)"
    program = f"import os, signal; {say}; os.fork() or {say}; signal.pause()"
    log = tmp_path / "log"
    measured = measure.run([python(program)], measure.clean_environment(), log, limit=0.5)
    assert measured.ended == "over the limit of 0 s"
    for pid in map(int, log.read_text().split()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_the_help_names_every_kind():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(SPARK_APPS)},
        capture_output=True,
        text=True,
        check=True,
    )
    for name in ("full", "dag", "night", "dag-night"):
        assert f"\n  {name} " in done.stdout

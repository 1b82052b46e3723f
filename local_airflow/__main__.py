"""Command line: python -m local_airflow run | ui | stop."""

import argparse
import signal
import sys
from pathlib import Path

from local_airflow.errors import LocalAirflowError
from local_airflow.runner import LOCAL, DagRunner, home_of
from local_airflow.runtime import stop, terminate_like_interrupt
from sandbox.errors import SandboxError


def main() -> int:
    """Run one command; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m local_airflow", description="Runs the DAG in a real Airflow here."
    )
    parser.add_argument(
        "command",
        choices=["run", "ui", "stop"],
        help="run the DAG once and print a report; start the UI; or stop what a closed terminal left",
    )
    parser.add_argument(
        "--dir", type=Path, default=Path(".sandbox"), help="folder of the sandbox (default .sandbox)"
    )
    parser.add_argument(
        "--master",
        default=LOCAL,
        metavar="URL",
        help=f"Spark master of the jobs (default {LOCAL}: inside each job), or sail",
    )
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, terminate_like_interrupt)
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup ignores it
        signal.signal(signal.SIGHUP, terminate_like_interrupt)
    try:
        if options.command == "stop":
            if stop(home_of(options.dir.resolve())):
                print("Airflow is stopped")
            return 0
        runner = DagRunner(options.dir.resolve(), options.master)
        if options.command == "ui":
            runner.ui()
        else:
            runner.show(runner.run())
    except (LocalAirflowError, SandboxError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted: Airflow and its tasks are stopped, the sandbox still runs\n")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""A failed task for people: what is wrong and what to do, as the last line of the task's log."""

import logging
import re
import textwrap
from typing import Any

from airflow.sdk import Context
from airflow.sdk.exceptions import AirflowException

log = logging.getLogger("dvdrental")
WIDTH = 100
NO_RESULT = (
    "the task's process ended without a result: it was killed, ran out of memory, or its machine stopped"
    " -> see the machine's log; the task can be repeated"
)


class JobFailed(AirflowException):
    """A job ended with an exit code other than 0. Its text is the job's line for people."""

    def __init__(self, problem: str, exit_code: int) -> None:
        super().__init__(problem)
        self.exit_code = exit_code


def job_failed(submit: AirflowException, problem: str) -> JobFailed:
    """The failure of a job that was submitted. problem: the line that it printed; empty if it printed none."""
    found = re.search(r"Error code is: (-?\d+)", str(submit))
    code = int(found.group(1)) if found else 1
    silent = f"the job ended with exit code {code} and without a message -> see the log above; it may have been killed"
    return JobFailed(problem or silent, code)


def explained(task_id: str, error: BaseException) -> str:
    """What is wrong, then what to do, wrapped."""
    text = str(error) or type(error).__name__
    code = getattr(error, "exit_code", None)
    if code is None and not isinstance(error, AirflowException):
        text = f"unexpected: {type(error).__name__}: {text} -> see the stack trace above, and report it"
    problem, _, advice = text.partition(" -> ")
    title = f"{task_id} failed" + (f" with exit code {code}" if code else "")
    parts = [("What is wrong: ", problem), ("What to do:    ", advice)]
    return "\n".join([title, *(_wrapped(label, part) for label, part in parts if part)])


def _wrapped(label: str, text: str) -> str:
    return textwrap.fill(
        text, WIDTH, initial_indent=label, subsequent_indent=" " * len(label), break_long_words=False
    )


def tell_failure(context: Context) -> None:
    """Say it last, below the stack traces of Spark and Airflow.

    Where Airflow misses the task's process, this is called elsewhere, and there is no exception.
    """
    log.info("::endgroup::")  # of Airflow's group "Post Execute", which the UI shows folded
    error: Any = context.get("exception") or AirflowException(NO_RESULT)
    log.error(explained(context["ti"].task_id, error))

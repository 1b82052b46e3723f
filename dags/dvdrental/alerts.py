"""Alerts: always in the log, and where the connection `dvdrental_alerts` points to, if there is one.

| connection type | where to | content |
|---|---|---|
| smtp | e-mail | host, port, login, password; extra `to`, `from_email` |
| http | a webhook such as Slack's, which gets {"text": ...} | *Schema* https, host; *Password* is the path, a secret |
"""

import logging
from collections.abc import Sequence
from html import escape
from typing import Any

from airflow.sdk import BaseHook, BaseNotifier, Context
from airflow.sdk.exceptions import AirflowNotFoundException

CONNECTION = "dvdrental_alerts"
#: What alerts there are: each is an anchor of docs/runbook.md.
KINDS = ("run-went-wrong", "task-failed", "rows-in-quarantine", "late-night")
#: Seconds that a webhook may take to answer: an alert must not hold what it tells about.
PATIENCE = 30
log = logging.getLogger("dvdrental.alerts")


class Alert(BaseNotifier):
    """An alert of one of KINDS. As a callback of a task it tells the task's error."""

    def __init__(self, kind: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        assert kind in KINDS, kind
        self.kind = kind

    def notify(self, context: Context) -> None:
        """Tell that a task has failed."""
        task: Any = context.get("ti") or context.get("task_instance")
        error = context.get("exception") or context.get("reason") or ""
        self.send(context, [f"{getattr(task, 'task_id', 'the run')}: {error}"])

    def send(self, context: Context, lines: Sequence[str]) -> None:
        """Send these lines. A channel that fails is logged: it must not fail what it tells about."""
        subject = f"dvdrental_etl: {self.kind.replace('-', ' ')}"
        text = "\n".join([subject, *lines, f"run {_of_run(context, 'run_id')}; docs/runbook.md#{self.kind}"])
        log.warning("alert: %s", text)
        try:
            connection = BaseHook.get_connection(CONNECTION)
        except AirflowNotFoundException:
            return
        try:
            _channel(connection, subject, text).notify(context)
        except Exception:
            log.exception("the alert could not be sent by the connection %s", CONNECTION)


def _channel(connection: Any, subject: str, text: str) -> BaseNotifier:
    """The notifier of the connection's type; its provider is imported here, because it may not be installed."""
    if connection.conn_type == "smtp":
        from airflow.providers.smtp.notifications.smtp import SmtpNotifier

        extra = connection.extra_dejson
        return SmtpNotifier(
            smtp_conn_id=CONNECTION,
            to=extra["to"],
            from_email=extra.get("from_email"),
            subject=subject,
            html_content=f"<pre>{escape(text)}</pre>",
        )
    from airflow.providers.http.notifications.http import HttpNotifier

    made: BaseNotifier = HttpNotifier(
        http_conn_id=CONNECTION,
        endpoint=connection.password,
        # Slack reads & < > as commands: <!channel> would call everybody.
        json={"text": escape(text, quote=False)},
        extra_options={"timeout": PATIENCE},
    )
    return made


def _of_run(context: Context, name: str) -> Any:
    """A field of the context's run. The context of a deadline has it as the JSON of the API."""
    run: Any = context.get("dag_run")
    if isinstance(run, dict):
        return run.get(f"dag_{name}", run.get(name))
    return getattr(run, name, None)


def late_night(context: Context) -> None:
    """The callback of the DAG's deadline: its tables are late. A run that failed before gets a second alert."""
    Alert("late-night").send(
        context, [f"the deadline has passed, and the run is {_of_run(context, 'state')}"]
    )

"""Alerts, sent for real: to a mail server and to a web server of the test."""

import email
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.policy import default
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from airflow.sdk.exceptions import AirflowFailException
from dvdrental import run_report
from dvdrental.alerts import KINDS, Alert, late_night

from redshift_emulator import certificate
from sandbox.postgres import free_port
from tests.support.webhook import Webhook

CONTEXT: Any = {"dag_run": SimpleNamespace(run_id="night 1"), "ti": SimpleNamespace(task_id="verify")}
SECRET = "services/T1/B2/s3cret"


class Mailbox(list[Message]):
    """What a mail server was sent. logins: who logged in; encrypted: whether each mail came by TLS."""

    def __init__(self) -> None:
        super().__init__()
        self.logins: list[str] = []
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - the server calls it
        self.append(email.message_from_bytes(envelope.content, policy=default))
        self.encrypted.append(server.transport.get_extra_info("cipher") is not None)
        return "250 OK"

    def log_in(self, _server: Any, _session: Any, _envelope: Any, _mechanism: str, given: Any) -> AuthResult:
        if given.password != SECRET.encode():
            return AuthResult(success=False)
        self.logins.append(given.login.decode())
        return AuthResult(success=True)


@contextmanager
def mail_server(mailbox: Mailbox, **options: Any) -> Iterator[int]:
    """A mail server of this machine; its port."""
    server = Controller(mailbox, hostname="127.0.0.1", port=free_port(), **options)
    server.start()
    yield server.port
    server.stop()


@pytest.fixture
def mailbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Mailbox]:
    received = Mailbox()
    with mail_server(received) as port:
        connect(monkeypatch, **smtp(port, disable_ssl=True, disable_tls=True))
        yield received


def smtp(port: int, **extra: Any) -> dict[str, Any]:
    return {
        "conn_type": "smtp",
        "host": "127.0.0.1",
        "port": port,
        "extra": {"to": "team@example.com", "from_email": "etl@example.com", **extra},
    }


def connect(monkeypatch: pytest.MonkeyPatch, **connection: Any) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_DVDRENTAL_ALERTS", json.dumps(connection))


def test_an_e_mail(mailbox: Mailbox) -> None:
    Alert("run-went-wrong").send(CONTEXT, ["dim_movie failed", "film: length < 0 & odd"])
    (mail,) = mailbox
    assert (mail["From"], mail["To"]) == ("etl@example.com", "team@example.com")
    assert mail["Subject"] == "dvdrental_etl: run went wrong"
    (part,) = mail.iter_parts()  # type: ignore[attr-defined]
    assert part.get_content().strip() == (
        "<pre>dvdrental_etl: run went wrong\ndim_movie failed\nfilm: length &lt; 0 &amp; odd\n"
        "run night 1; docs/runbook.md#run-went-wrong</pre>"
    )


@pytest.mark.filterwarnings(
    "ignore:Requiring AUTH"
)  # the server does not know that it is behind TLS on port 465
@pytest.mark.parametrize("disabled", ["disable_ssl", "disable_tls"], ids=["STARTTLS", "TLS"])
@pytest.mark.parametrize(("password", "trusted"), [(SECRET, True), ("a guess", True), (SECRET, False)])
def test_an_e_mail_by_tls_with_a_login(
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    tmp_path: Path,
    disabled: str,
    password: str,
    trusted: bool,
) -> None:
    """Port 587 of a mail server, and port 465. Its certificate is checked."""
    authority, context = certificate.make(tmp_path)
    received = Mailbox()
    by_tls = {"ssl_context": context, "auth_require_tls": False}
    by_starttls = {"tls_context": context, "require_starttls": True}
    options = by_tls if disabled == "disable_tls" else by_starttls
    with mail_server(received, authenticator=received.log_in, auth_required=True, **options) as port:
        if trusted:
            monkeypatch.setenv("SSL_CERT_FILE", str(authority))
        connect(monkeypatch, login="etl", password=password, **smtp(port, **{disabled: True}, timeout=2))
        Alert("task-failed").send(CONTEXT, ["prepare: lost"])
    if password == SECRET and trusted:
        assert (len(received), received.logins, received.encrypted) == (1, ["etl"], [True])
    else:
        assert received == []
        assert "the alert could not be sent by the connection dvdrental_alerts" in caplog.text
        assert ("CERTIFICATE_VERIFY_FAILED" in caplog.text) is not trusted
    assert password not in caplog.text


def test_slack_reads_no_commands_in_what_a_row_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its documentation wants &, < and > as entities, and no other character."""
    with Webhook() as webhook:
        connect(monkeypatch, **webhook.connection(SECRET))
        Alert("task-failed").send(CONTEXT, ["title: <!channel> Q&A 'x' \"y\""])
    assert webhook.texts[0].splitlines()[1] == "title: &lt;!channel&gt; Q&amp;A 'x' \"y\""
    assert webhook.types == ["application/json"]


def test_a_webhook(monkeypatch: pytest.MonkeyPatch) -> None:
    with Webhook() as webhook:
        connect(monkeypatch, **webhook.connection(SECRET))
        Alert("rows-in-quarantine").send(CONTEXT, ["3 rows are in quarantine"])
    text = (
        "dvdrental_etl: rows in quarantine\n3 rows are in quarantine\n"
        "run night 1; docs/runbook.md#rows-in-quarantine"
    )
    assert webhook.received == [(f"/{SECRET}", {"text": text})]


def test_a_task_that_failed_is_told_with_its_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with Webhook() as webhook:
        connect(monkeypatch, **webhook.connection(SECRET))
        Alert("task-failed")(CONTEXT | {"exception": ValueError("no such host")})  # as Airflow calls it
    assert webhook.texts == [
        "dvdrental_etl: task failed\nverify: no such host\nrun night 1; docs/runbook.md#task-failed"
    ]


@pytest.mark.parametrize("state", ["running", "failed"])
def test_a_missed_deadline_has_its_run_as_json(monkeypatch: pytest.MonkeyPatch, state: str) -> None:
    with Webhook() as webhook:
        connect(monkeypatch, **webhook.connection(SECRET))
        late_night({"dag_run": {"dag_run_id": "night 2", "state": state}})  # type: ignore[typeddict-item]
    (text,) = webhook.texts
    assert text == (
        f"dvdrental_etl: late night\nthe deadline has passed, and the run is {state}\n"
        "run night 2; docs/runbook.md#late-night"
    )


def test_without_a_connection_an_alert_is_in_the_log_only(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_DVDRENTAL_ALERTS", raising=False)
    monkeypatch.setattr("dvdrental.alerts.BaseHook.get_connection", missing)
    Alert("task-failed").send(CONTEXT, ["prepare: lost"])
    ((_, level, text),) = caplog.record_tuples
    assert level == logging.WARNING
    assert text.startswith("alert: dvdrental_etl: task failed\nprepare: lost\n")


def missing(_: str) -> None:
    from airflow.sdk.exceptions import AirflowNotFoundException

    raise AirflowNotFoundException("The conn_id `dvdrental_alerts` isn't defined")


@pytest.mark.parametrize(
    "connection",
    [
        {"conn_type": "http", "host": "127.0.0.1", "port": 1, "password": SECRET},  # nobody listens
        {
            "conn_type": "smtp",
            "host": "127.0.0.1",
            "port": 1,
            "extra": {"from_email": "etl@example.com"},
        },  # no `to`
    ],
    ids=["no server", "no recipient"],
)
def test_a_channel_that_fails_is_said_and_stops_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, connection: dict[str, Any]
) -> None:
    connect(monkeypatch, **connection)
    Alert("task-failed").send(CONTEXT, ["prepare: lost"])
    assert "the alert could not be sent by the connection dvdrental_alerts" in caplog.text


def test_there_is_no_alert_without_a_heading_in_the_runbook() -> None:
    assert len(KINDS) == 4
    with pytest.raises(AssertionError, match="no-such-alert"):
        Alert("no-such-alert")


def test_a_threshold_that_is_not_a_number_is_zero(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("AIRFLOW_VAR_DVDRENTAL_QUARANTINE_THRESHOLD", "many")
    task = SimpleNamespace(task_id="quarantine", xcom_pull=lambda **_: 3)
    with Webhook() as webhook:
        connect(monkeypatch, **webhook.connection(SECRET))
        with pytest.raises(AirflowFailException, match="3 rows are in quarantine"):
            run_report.show_quarantine(CONTEXT | {"ti": task})
    assert len(webhook.texts) == 1
    assert "'many', which is not a number of rows" in caplog.text

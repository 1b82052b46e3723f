"""Airflow's UI in a real browser: a run with three films in quarantine, from the grid to its report. `make test-ui`."""

import os
from pathlib import Path

import pytest

from local_airflow.runner import DagRunner
from sandbox.access import SOURCE
from sandbox.fill import Content
from sandbox.server import Sandbox
from tools import screenshots

pytestmark = [
    pytest.mark.skipif("DVDRENTAL_UI" not in os.environ, reason="long: run it by `make test-ui`"),
    pytest.mark.skipif(screenshots.chromium() is None, reason="no Chromium: apt install chromium"),
]


def test_a_person_finds_the_quarantined_films(tmp_path: Path) -> None:
    folder = tmp_path / "sandbox"
    sandbox = Sandbox(folder)
    try:
        sandbox.up(Content(None, 0.05))
        with sandbox.superuser(SOURCE) as connection, connection.cursor() as cursor:
            cursor.execute(screenshots.BREAK_FILMS)
        runner = DagRunner(folder)
        with runner.started(train=False) as client, screenshots.browser() as running:
            run_id = runner.run_once(client, {})
            page = running.new_page(viewport=screenshots.DESKTOP)
            screenshots.log_in(page, client.url, client.login)
            page.goto(f"{client.url}/dags/dvdrental_etl/runs/{run_id}")
            page.get_by_text("3 rows in quarantine").first.wait_for()  # the run's note
            page.get_by_role("link", name="Report").click()
            report = page.frame_locator("iframe")
            report.get_by_role("heading", name="In quarantine").wait_for()
            keys = report.get_by_role("region", name="Rows in quarantine").locator("tbody td:nth-child(3)")
            assert sorted(keys.all_text_contents()) == ["11", "3", "7"]
            anyone = running.new_context().request
            assert anyone.get(f"{client.url}/dvdrental-report/").status == 401
    finally:
        sandbox.down(purge=True)

"""Airflow's UI in a real browser, as a person meets it in the morning. `make test-ui`.

Three runs over one sandbox, started by the form: three films in quarantine; a dry run; a source that lost a column.
They are on Sail where it is installed: what a person sees does not depend on the engine, and Sail starts faster.
"""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, Page, expect

from local_airflow.client import DAG, Client
from local_airflow.runner import LOCAL, SAIL, DagRunner
from sandbox.access import SOURCE
from sandbox.fill import Content
from sandbox.server import Sandbox
from tests.support.engines import PYTHON
from tools import screenshots

pytestmark = pytest.mark.skipif(screenshots.chromium() is None, reason="no Chromium: apt install chromium")
SIZES = [screenshots.DESKTOP, screenshots.PHONE]


class Desk:
    """A person's browser, logged in to a running Airflow, and the source that the DAG reads."""

    def __init__(self, sandbox: Sandbox, client: Client, running: Browser) -> None:
        self._sandbox, self._client, self.running = sandbox, client, running
        self.url = client.url
        self.page = running.new_page(viewport=screenshots.DESKTOP)
        screenshots.log_in(self.page, client.url, client.login)

    def source(self, statement: str) -> None:
        with self._sandbox.superuser(SOURCE) as connection, connection.cursor() as cursor:
            cursor.execute(statement)

    def start(self, *switches: str) -> str:
        """Start a run by the form, with these switches on, and wait on its page until it is over; the run's id."""
        page = self.page
        page.goto(f"{self.url}/dags/{DAG}")
        page.get_by_role("button", name="Trigger").first.click()
        for switch in ("Full refresh", *switches):
            page.get_by_text(switch).first.wait_for()
        for switch in switches:
            page.locator(f'[id*="element_{switch.lower().replace(" ", "_")}"]').first.click()
        known = self.runs()
        page.get_by_role("dialog").get_by_role("button", name="Trigger").click()
        expect(page.get_by_role("dialog")).to_have_count(0)
        (run_id,) = self.runs() - known
        list(self._client.follow(run_id))
        return run_id

    def runs(self) -> set[str]:
        return {run["dag_run_id"] for run in self._client.call(f"/api/v2/dags/{DAG}/dagRuns")["dag_runs"]}

    def open(self, run_id: str, part: str = "") -> Page:
        self.page.goto(f"{self.url}/dags/{DAG}/runs/{run_id}{part}")
        return self.page


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("ui") / "sandbox"
    sandbox = Sandbox(folder)
    master = SAIL if PYTHON.exists() else LOCAL
    try:
        sandbox.up(Content(None, 0.05))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("DVDRENTAL_ENGINE_ON_SHARED_HOST", "allow")
            runner = DagRunner(folder, master)
            with runner.started(train=master == LOCAL) as client, screenshots.browser() as running:
                yield Desk(sandbox, client, running)
    finally:
        sandbox.down(purge=True)


@pytest.fixture(scope="module")
def quarantined(desk: Desk) -> str:
    desk.source(screenshots.BREAK_FILMS)
    return desk.start()


@pytest.fixture(scope="module")
def planned(desk: Desk, quarantined: str) -> str:
    desk.source("UPDATE customer SET first_name = 'ANNA' WHERE customer_id = 1")
    return desk.start("Dry run")


@pytest.fixture(scope="module")
def broken(desk: Desk, planned: str) -> str:
    desk.source(screenshots.BREAK_SCHEMA)
    return desk.start()


def test_a_person_finds_the_quarantined_films(desk: Desk, quarantined: str) -> None:
    page = desk.open(quarantined)
    page.get_by_text("3 rows in quarantine").first.wait_for()  # the run's note
    page.get_by_text("Success").first.wait_for()
    page.locator('a[href$="/plugin/report"]').wait_for()
    page = desk.open(quarantined, "/plugin/report")
    report = page.frame_locator("iframe")
    report.get_by_text("In quarantine").first.wait_for()
    keys = report.locator("section.warn tbody td:nth-child(3)")
    assert sorted(keys.all_text_contents()) == ["11", "3", "7"]


@pytest.mark.parametrize("size", SIZES, ids=lambda size: str(size["width"]))
def test_the_report_fits_its_screen(desk: Desk, quarantined: str, size: dict[str, int]) -> None:
    page = desk.page
    page.set_viewport_size(size)  # type: ignore[arg-type]
    page.goto(f"{desk.url}/dvdrental-report/?run_id={quote(quarantined)}")
    assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
    seen = page.locator("tr", has=page.get_by_role("rowheader", name="dim_movie")).locator(".hot")
    expect(seen.first).to_have_text("3")
    seen.first.scroll_into_view_if_needed()  # downwards only: nothing is beside the screen
    assert page.evaluate("window.scrollX") == 0
    expect(seen.first).to_be_in_viewport(ratio=1)
    page.set_viewport_size(screenshots.DESKTOP)


def test_a_dry_run_shows_its_plan(desk: Desk, planned: str) -> None:
    page = desk.open(planned)
    page.get_by_text("dry run, nothing was written").first.wait_for()  # the run's note
    report = desk.open(planned, "/plugin/report").frame_locator("iframe")
    report.get_by_text("Dry run: what a run would do").wait_for()
    changed = report.locator("tr", has=report.get_by_role("rowheader", name="dim_customer"))
    expect(changed.locator('[data-label="changed"]')).to_have_text("1")
    expect(report.locator(".card", has_text="rows to write").locator("b")).to_have_text("1")


def test_what_is_wrong_is_seen_without_a_click(desk: Desk, broken: str) -> None:
    page = desk.open(broken, "/tasks/load_dim_movie")
    wrong = page.get_by_text("What is wrong: source contract").first
    wrong.wait_for()
    expect(wrong).to_be_visible()
    expect(page.get_by_text("What to do:").first).to_be_visible()
    report = desk.open(broken, "/plugin/report").frame_locator("iframe")
    report.get_by_text("What went wrong").wait_for()
    expect(report.locator("section.bad li").first).to_contain_text("dim_movie: source contract")


def test_a_report_is_for_those_who_are_logged_in(desk: Desk) -> None:
    anyone = desk.running.new_context().request
    assert anyone.get(f"{desk.url}/dvdrental-report/").status == 401

"""The images of docs/images, from real runs of a sandbox of their own: `make screenshots`. Needs Chromium.

Four runs: the first load, a night with three films in quarantine, a dry run, and one whose source lost a column.
"""

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from local_airflow.client import DAG, Client
from local_airflow.errors import LocalAirflowError
from local_airflow.runner import DagRunner
from local_airflow.runtime import ROOT
from sandbox.access import SOURCE
from sandbox.fill import Content
from sandbox.server import Sandbox

IMAGES = ROOT / "docs" / "images"
FOLDER = ROOT / ".sandbox-screenshots"
DESKTOP, PHONE = ViewportSize(width=1280, height=700), ViewportSize(width=390, height=844)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BREAK_FILMS = "UPDATE film SET rental_rate = -0.99 WHERE film_id IN (3, 7, 11)"
RAISE_PRICES = "UPDATE film SET rental_rate = rental_rate + 1 WHERE film_id BETWEEN 101 AND 120"
BREAK_SCHEMA = "ALTER TABLE film RENAME length TO minutes"


def chromium() -> str | None:
    """The path of this machine's Chromium; None if there is none."""
    return next((found for name in BROWSERS if (found := shutil.which(name))), None)


@contextmanager
def browser() -> Iterator[Browser]:
    """A headless Chromium. Raises LocalAirflowError if there is none."""
    path = chromium()
    if path is None:
        raise LocalAirflowError("there is no Chromium: apt install chromium")
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield running
        finally:
            running.close()


def log_in(page: Page, url: str, login: dict[str, str]) -> None:
    """Log in as a person does, if Airflow asks for it."""
    page.goto(url)
    page.wait_for_load_state("networkidle")
    if page.locator("input[name=username]").count():
        for field, value in login.items():
            page.fill(f"input[name={field}]", value)
        page.click("button[type=submit]")
        page.wait_for_url(lambda found: "/login" not in found)  # else it would interrupt the next navigation
        page.wait_for_load_state("networkidle")


def shoot(running: Browser, client: Client, *, good: str, plan: str, failed: str) -> None:
    """Take all images. good: the run with three films in quarantine; plan: the dry run; failed: the lost column."""
    desktop, url = running.new_page(viewport=DESKTOP), client.url
    log_in(desktop, url, client.login)
    run = f"{url}/dags/{DAG}/runs/{quote(good)}"

    desktop.goto(run)
    desktop.get_by_text("quarantine", exact=True).first.wait_for()
    take(desktop, "grid")

    desktop.goto(f"{url}/dags/{DAG}/runs/{quote(failed)}/tasks/load_dim_movie")
    desktop.get_by_text(
        "ContractError"
    ).first.click()  # folds the stack trace, which has paths of this machine
    # The click has scrolled the log sideways, to the middle of its long line.
    desktop.get_by_text("What is wrong").first.evaluate(
        "line => { for (let box = line; box; box = box.parentElement) box.scrollLeft = 0 }"
    )
    take(desktop, "failed-task")

    desktop.goto(f"{url}/dags/{DAG}")
    desktop.get_by_role("button", name="Trigger").first.click()
    desktop.get_by_text("Full refresh").first.wait_for()
    take(desktop, "form")

    desktop.goto(f"{run}/plugin/report")
    desktop.frame_locator("iframe").get_by_text("In quarantine").first.wait_for()
    take(desktop, "report")

    desktop.goto(f"{url}/dags/{DAG}/runs/{quote(plan)}/plugin/report")
    desktop.frame_locator("iframe").get_by_text("The plan").first.wait_for()
    take(desktop, "dry-run")

    report = f"{url}/dvdrental-report/?run_id={quote(good)}"
    desktop.set_viewport_size(PHONE)
    desktop.goto(report)
    assert desktop.evaluate("document.documentElement.scrollWidth") == PHONE["width"], "wider than a phone"
    take(desktop, "report-phone")
    desktop.set_viewport_size(DESKTOP)
    section = desktop.locator("section", has=desktop.get_by_role("heading", name="The business at a glance"))
    section.screenshot(path=IMAGES / "report-charts.png")


def take(page: Page, name: str) -> None:
    """Write one image, when the page has come to rest."""
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(1500)  # Airflow's panels move into place
    page.screenshot(path=IMAGES / f"{name}.png")


def run_after(sandbox: Sandbox, statement: str, client: Client, **form: bool) -> str:
    """Change the source, run the DAG to its end with what the form says, and return the run's id."""
    with sandbox.superuser(SOURCE) as connection, connection.cursor() as cursor:
        cursor.execute(statement)
    run_id = client.trigger(form)
    for instance in client.follow(run_id):
        print(instance["task_id"], instance["state"])
    return run_id


def main() -> int:
    """Make the runs and take the images; returns the exit code."""
    sandbox = Sandbox(FOLDER)
    try:
        sandbox.up(Content(Path(sys.argv[1]) if sys.argv[1:] else None, 1.0))
        runner = DagRunner(FOLDER)
        with runner.started(train=True) as client, browser() as running:
            runner.run_once(client, {})
            good = run_after(sandbox, BREAK_FILMS, client)
            plan = run_after(sandbox, RAISE_PRICES, client, dry_run=True)
            failed = run_after(sandbox, BREAK_SCHEMA, client)
            shoot(running, client, good=good, plan=plan, failed=failed)
    except LocalAirflowError as error:
        print(f"screenshots: {error}", file=sys.stderr)
        return 1
    finally:
        sandbox.down(purge=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())

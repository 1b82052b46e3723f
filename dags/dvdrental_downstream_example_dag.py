"""An example of what follows a load: it runs when fact_sales has changed, and reads from the event what happened.

Copy it, and put your own work in place of `tell`. A dry run, a run without fact_sales and a night without changes
do not start it.
"""

import logging
from typing import Any

from airflow.sdk import DAG, Asset, task

log = logging.getLogger("dvdrental")


@task
def tell(triggering_asset_events: Any = None) -> list[dict[str, Any]]:
    """Log the batch of each event, and how many rows it brought."""
    loads = [event.extra for events in triggering_asset_events.values() for event in events]
    for load in loads:
        log.info("fact_sales, batch %s: %s new, %s changed", load["batch"], load["new"], load["changed"])
    return loads


with DAG(
    dag_id="dvdrental_downstream_example",
    description="Runs after fact_sales has changed",
    doc_md=__doc__,
    schedule=[Asset(name="fact_sales", uri="dvdrental://warehouse/fact_sales")],
    catchup=False,
    tags=["dvdrental", "example"],
    default_args={"owner": "data-engineering"},
):
    tell()

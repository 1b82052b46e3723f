"""The nightly load of the star schema: prepare, the dimensions in parallel, the fact, verify.

A new dimension is one word in DIMENSIONS. Nothing is connected to while this file is parsed: connections, parameters
and secrets are templates, which the task's own process fills in.
"""

from datetime import timedelta

from airflow.sdk import DAG, Asset, AssetOrTimeSchedule, CronTriggerTimetable
from airflow.sdk.definitions.callback import SyncCallback
from airflow.sdk.definitions.deadline import DeadlineAlert, DeadlineReference
from dvdrental.alerts import late_night
from dvdrental.connections import FACT_PROPERTIES, MACROS
from dvdrental.failures import tell_failure
from dvdrental.form import parameters
from dvdrental.load_task import load
from dvdrental.retries import EtlRetryPolicy
from dvdrental.run_tasks import close_failed, prepare, quarantine, report, verify

DIMENSIONS = ("dim_customer", "dim_movie", "dim_store", "dim_staff")
FACT = "fact_sales"
TABLES = (*DIMENSIONS, FACT)
#: A night that has not ended so long after its time is late.
DEADLINE = timedelta(hours=2)

DOCS = """
### dvdrental star schema

Loads the DVD rental business from PostgreSQL into the warehouse: **prepare** opens a batch and sets its
timestamp, the **dimensions** load in parallel, then **fact_sales**, and **verify** checks what was
published with plain SQL, by itself and against the source. **report** tells what the run did, also a failed one: see
the tab *Report* of a run. **quarantine** is red while rows are in quarantine; the run does not fail because of it.
Every load is safe to repeat: clear a failed task and it goes on from there.

| connection | content |
|---|---|
| `dvdrental_source` | type `postgres`; *Schema* is the database; extra `schema` (public), `sslmode` |
| `dvdrental_warehouse` | type `postgres` or `redshift`; extra `schema` (dw), `s3_staging`, `s3_iam_role` |
| `spark_default` | type `spark`; host `local[2]`, `spark://host:7077`, `sail`, ...; extra `deploy-mode` client |

A source that cannot be reached, a lock that is held or a warehouse that is away is tried again, three times,
with growing pauses. A wrong setting, a changed source schema and refused data are not: read the last line of
the task's log: it says what to do, and names its heading in `docs/runbook.md`, which also explains alerts and
findings of verify. A backfill is refused: a load always reads the source as it is now.
An upstream job can start this DAG through the asset `dvdrental_source`.
"""


with DAG(
    dag_id="dvdrental_etl",
    description="PostgreSQL dvdrental to a star schema",
    doc_md=DOCS,
    schedule=AssetOrTimeSchedule(
        # Not False, its default: with that, a DAG that is switched on until 05:24 begins with the night that is over.
        timetable=CronTriggerTimetable("0 3 * * *", timezone="UTC", run_immediately=timedelta(0)),
        assets=[Asset(name="dvdrental_source", uri="dvdrental://source")],
    ),
    # No start_date: a DAG that is switched on waits for its first night.
    catchup=False,
    max_active_runs=1,
    dagrun_timeout=timedelta(hours=8),
    deadline=DeadlineAlert(
        name="late-night",
        # A run by hand or by the asset has no such date, and no deadline. DAGRUN_QUEUED_AT would give it one, but then
        # Airflow 3.3 clears no task: https://github.com/apache/airflow/issues/70368
        reference=DeadlineReference.DAGRUN_LOGICAL_DATE,
        interval=DEADLINE,
        callback=SyncCallback(late_night),
    ),
    tags=["dvdrental"],
    user_defined_macros=MACROS,
    default_args={
        "owner": "data-engineering",
        "retries": 3,
        "retry_delay": timedelta(minutes=1),
        "retry_exponential_backoff": True,
        "max_retry_delay": timedelta(minutes=15),
        "retry_policy": EtlRetryPolicy(),
        "on_failure_callback": [close_failed, tell_failure],
        "on_retry_callback": tell_failure,
    },
    params=parameters(TABLES),
):
    dimensions = [load(table) for table in DIMENSIONS]
    fact, checked = load(FACT, FACT_PROPERTIES, infers=DIMENSIONS), verify()
    prepare() >> dimensions >> fact >> checked
    # Teardowns run whatever happened before, and do not decide the state of the run. Where a dimension fails,
    # verify is skipped at once: the report waits for the other dimensions, too.
    [*dimensions, fact, checked] >> report().as_teardown() >> quarantine().as_teardown()

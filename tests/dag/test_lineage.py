"""What OpenLineage calls the tables: its own naming, so that other tools' events meet ours."""

import pytest
from dvdrental.lineage import dataset_names


@pytest.mark.parametrize(
    ("url", "namespace", "tables"),
    [
        ("jdbc:postgresql://db.example.com/rental", "postgres://db.example.com:5432", "rental.dw"),
        (
            "jdbc:postgresql://db.example.com:6432/rental?sslmode=disable",
            "postgres://db.example.com:6432",
            "rental.dw",
        ),
        (
            "jdbc:redshift://sales.abc123.eu-west-1.redshift.amazonaws.com:5439/dev",
            "redshift://sales.eu-west-1:5439",
            "dev.dw",
        ),
        (
            "jdbc:redshift://team.123456789012.eu-west-1.redshift-serverless.amazonaws.com/dev",
            "redshift://team.eu-west-1:5439",
            "dev.dw",
        ),
        ("jdbc:redshift:iam://sales:eu-west-1/dev?DbUser=etl", "redshift://sales.eu-west-1:5439", "dev.dw"),
        ("jdbc:redshift://127.0.0.1:5440/dev", "redshift://127.0.0.1:5440", "dev.dw"),
    ],
)
def test_the_names_of_datasets(url: str, namespace: str, tables: str) -> None:
    settings = {"DVDRENTAL_WAREHOUSE_URL": url, "DVDRENTAL_WAREHOUSE_SCHEMA": "dw"}
    assert dataset_names("warehouse", settings) == (namespace, tables)

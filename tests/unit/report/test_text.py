"""The report as the last lines of a log."""

from dvdrental_etl.report import text
from tests.support.reports import report


def test_the_report_as_text():
    assert [*text.lines(report(findings=("keys_are_unique: two rows have film_id 7",)))] == [
        "run scheduled__2026-11-26 (batch 3, as of 2026-11-26 03:00:00, code 0.2.0)",
        "table       status      read  new  changed  expired  deleted  quarantined  warned  seconds",
        "dim_movie   published  1,000    1        2        1        0            3       1      9.1",
        "fact_sales  published      5    5        0        0        0            0       0     12.0",
        "dim_movie: 4 keys: films changed",
        "fact_sales: 5 keys: payments added",
        "money        payments     amount",
        "source         14,601  61,332.04",
        "warehouse      14,600  61,330.04",
        "quarantined         1       2.00",
        "difference          0       0.00",
        "in quarantine  rule          key  column       value",
        "dim_movie      0.00 or more  3    rental_rate  -0.99",
        "dim_movie      0.00 or more  7    rental_rate  <script>alert(1)</script>",
        "dim_movie      not null      11   title        -",
        "finding: keys_are_unique: two rows have film_id 7",
        "1 finding of verify; 3 rows in quarantine; 1 row with warnings; 2 tables published, 8 rows written",
    ]

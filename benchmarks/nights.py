"""Simulates nights in a separate source: 0.1 % of the payments are corrected, returned or new. Equal for a scale."""

from benchmarks.check import Content, expected
from benchmarks.fixtures import DatabasePair, Fixtures

SHARE = 1000  # one payment in a thousand changes in a night
SOURCE, WAREHOUSE = "bench_night_source", "bench_night"
#: A copy of the warehouse for the second engine: a night is loaded once into each.
SAIL_WAREHOUSE = "bench_night_sail"

#: Corrections of amounts, spread over the whole table.
CORRECTIONS = """
UPDATE payment SET amount = amount + 0.01
WHERE payment_id IN (
    SELECT payment_id FROM (
        SELECT payment_id, row_number() OVER (ORDER BY payment_id) AS nth, count(*) OVER () AS rows FROM payment
    ) p
    WHERE nth % (rows / {count}) = {night} % (rows / {count})
    LIMIT {count}
)
"""
#: Returns of open rentals, the oldest first.
RETURNS = """
UPDATE rental SET return_date = rental_date + interval '3 days'
WHERE rental_id IN (
    SELECT rental_id FROM rental r
    WHERE return_date IS NULL AND EXISTS (SELECT FROM payment p WHERE p.rental_id = r.rental_id)
    ORDER BY rental_id LIMIT {count}
)
"""
#: New rentals and payments: the customers of the last payments rent the same copies again a day later.
SALES = """
WITH last AS (
    SELECT r.inventory_id, p.customer_id, p.staff_id, row_number() OVER (ORDER BY p.payment_id) AS nth
    FROM payment p JOIN rental r ON r.rental_id = p.rental_id
    ORDER BY p.payment_id DESC LIMIT {count}
),
rented AS (
    INSERT INTO rental (rental_date, inventory_id, customer_id, staff_id)
    SELECT
        (SELECT max(rental_date) FROM rental) + interval '1 day' + nth * interval '1 millisecond',
        inventory_id, customer_id, staff_id
    FROM last
    RETURNING rental_id, rental_date, customer_id, staff_id
)
INSERT INTO payment (customer_id, staff_id, rental_id, amount, payment_date)
SELECT customer_id, staff_id, rental_id, 2.99, (SELECT max(payment_date) FROM payment) + interval '1 day' FROM rented
"""


class Nights:
    """A source that changes night by night, and the suite's warehouses, one for each engine."""

    def __init__(self, fixtures: Fixtures) -> None:
        self._fixtures = fixtures
        self._night = 0
        self._wanted: Content | None = None
        # Each kind of change is a third of the night, and at least one row.
        self.count = max(1, fixtures.payments() // SHARE // 3)

    @property
    def changed(self) -> int:
        """Facts that differ after a night."""
        return 3 * self.count

    def begin(self, empty: str) -> DatabasePair:
        """Clone the source. Returns the databases, which the suite must load before the first night."""
        sandbox = self._fixtures.sandbox
        self.end()
        sandbox.clone("dvdrental", SOURCE)
        return self._fixtures.clone_template(empty, WAREHOUSE, SOURCE)

    def loaded(self) -> None:
        """Vacuum after the first load, so that autovacuum does not do it during a measured run; copy the warehouse."""
        for name in (WAREHOUSE, SOURCE):
            self._fixtures.rows("VACUUM (ANALYZE)", name)
        self._fixtures.sandbox.clone(WAREHOUSE, SAIL_WAREHOUSE)

    def end(self) -> None:
        """Drop the databases."""
        for name in (SAIL_WAREHOUSE, WAREHOUSE, SOURCE):
            self._fixtures.sandbox.drop_database(name)

    def pass_night(self) -> None:
        """Change the source by one night, and compute the new expected content of the fact."""
        for statement in (CORRECTIONS, RETURNS, SALES):
            self._fixtures.rows(statement.format(count=self.count, night=self._night), SOURCE)
        self._night += 1
        self._wanted = expected(self._fixtures, SOURCE)

    def expectation(self) -> Content:
        """The content that the fact must have now."""
        assert self._wanted, "no night has passed yet"
        return self._wanted

    def pair(self, warehouse: str = WAREHOUSE) -> DatabasePair:
        """The source and a warehouse of the suite, as the last load left it."""
        self._fixtures.checkpoint()
        return self._fixtures.pair(warehouse, SOURCE)

"""Nights pass in a source of its own: 0.1 % of the payments are corrected, returned or new. Same scale, same nights."""

from benchmarks.check import Content, expected
from benchmarks.ground import Ground, Place

SHARE = 1000  # one payment in so many changes in a night
SOURCE, WAREHOUSE = "bench_night_source", "bench_night"

#: Amounts are corrected, all over the table.
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
#: What was out comes back, the oldest first.
RETURNS = """
UPDATE rental SET return_date = rental_date + interval '3 days'
WHERE rental_id IN (
    SELECT rental_id FROM rental r
    WHERE return_date IS NULL AND EXISTS (SELECT FROM payment p WHERE p.rental_id = r.rental_id)
    ORDER BY rental_id LIMIT {count}
)
"""
#: The customers who paid last rent the same again a day later, and pay.
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
    """The source, and the suite's warehouse that follows it night after night."""

    def __init__(self, ground: Ground) -> None:
        self._ground = ground
        self._passed = 0
        self._wanted: Content | None = None
        # A third of the night each, and at least one.
        self.count = max(1, ground.facts() // SHARE // 3)

    @property
    def changed(self) -> int:
        """Facts that differ after a night."""
        return 3 * self.count

    def begin(self, empty: str) -> Place:
        """Clone the source. Gives the place that the suite has to load before the first night."""
        sandbox = self._ground.sandbox
        self.end()
        sandbox.clone("dvdrental", SOURCE)
        return self._ground.fresh(empty, WAREHOUSE, SOURCE)

    def rest(self) -> None:
        """After the first load: what autovacuum does before the night, and would else do in the midst of it."""
        for name in (WAREHOUSE, SOURCE):
            self._ground.rows("VACUUM (ANALYZE)", name)

    def end(self) -> None:
        """Remove both databases."""
        for name in (WAREHOUSE, SOURCE):
            self._ground.sandbox.drop_database(name)

    def go_by(self) -> None:
        """One night: the source changes, and with it what the fact must hold."""
        for statement in (CORRECTIONS, RETURNS, SALES):
            self._ground.rows(statement.format(count=self.count, night=self._passed), SOURCE)
        self._passed += 1
        self._wanted = expected(self._ground, SOURCE)

    def expectation(self) -> Content:
        """What the fact must hold now."""
        assert self._wanted, "no night has passed yet"
        return self._wanted

    def place(self) -> Place:
        """The suite's warehouse, as its last load left it."""
        self._ground.settle()
        return self._ground.place(WAREHOUSE, SOURCE)

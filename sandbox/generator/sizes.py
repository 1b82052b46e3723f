"""Row counts of the tables at a scale. Scale 1 has the row counts of the real dvdrental."""

from __future__ import annotations

from dataclasses import dataclass

SMALLEST_SCALE = 0.01
# payment_id and rental_id are integers, as in dvdrental: they reach 2^31 at scale 130,000.
LARGEST_SCALE = 100_000.0
LARGEST_SMALLINT = 32_767

CITIES = 600
COUNTRIES = 109


@dataclass(frozen=True)
class Sizes:
    """Row counts. Rentals and customers grow with the scale, stores, staff and films more slowly; cities are fixed."""

    rentals: int
    payments: int
    open_rentals: int
    free_payments: int
    customers: int
    stores: int
    staff: int
    films: int
    actors: int
    inventory: int

    @staticmethod
    def of(scale: float) -> Sizes:
        """The row counts at `scale`, 0.01 to 100,000. Raises ValueError if it is out of range."""
        if not SMALLEST_SCALE <= scale <= LARGEST_SCALE:
            raise ValueError(
                f"the scale must lie between {SMALLEST_SCALE:g} and {LARGEST_SCALE:,.0f}: {scale:g}"
            )
        catalogue = min(scale, scale**0.25)
        return Sizes(
            rentals=round(16_044 * scale),
            payments=round(14_596 * scale),
            open_rentals=max(2, round(183 * scale)),
            free_payments=max(1, round(24 * scale)),
            customers=max(8, round(599 * scale)),  # the eighth is the first inactive one
            stores=max(2, round(2 * scale**0.5)),
            staff=max(2, round(2 * scale**0.6)),
            films=max(24, round(1000 * catalogue)),  # one in 24 has no inventory
            actors=max(20, round(200 * catalogue)),
            inventory=round(4_581 * scale),
        )

    @property
    def addresses(self) -> int:
        """One address for each store, staff member and customer, in this order of address_id."""
        return self.stores + self.staff + self.customers

    @property
    def unpaid_rentals(self) -> int:
        """Rentals without payment. Each payment is of a different rental, except four extra ones of one rental."""
        return self.rentals - (self.payments - 4)

    @property
    def key_types(self) -> dict[str, str]:
        """The SQL type of the columns that refer to customers and addresses."""
        return {
            "customer_key": "smallint" if self.customers <= LARGEST_SMALLINT else "integer",
            "address_key": "smallint" if self.addresses <= LARGEST_SMALLINT else "integer",
        }

"""All hostile rows, each with a key of its own in one source, and what the star must then have of each.

The source is widened first, as a source is that lets such rows in: bigint, numeric(12,2), text, no NOT NULL.
"""

import re
from collections.abc import Iterator, Mapping

from tests.support.database import DatabaseClient
from tests.support.hostile import dates, numbers, texts
from tests.support.hostile.verdicts import LOADED, RowState

ROWS = (*dates.ROWS, *numbers.ROWS, *texts.ROWS)

WIDENED = """
    DROP TRIGGER film_fulltext_trigger ON film;
    DROP INDEX idx_unq_rental_rental_date_inventory_id_customer_id;
    DO $$ DECLARE c record; BEGIN
        FOR c IN
            SELECT t.relname, a.attname, format_type(b.oid, NULL) AS kind
            FROM pg_class t
            JOIN pg_attribute a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
            JOIN pg_type y ON y.oid = a.atttypid
            JOIN pg_type b ON b.oid = CASE y.typtype WHEN 'd' THEN y.typbasetype ELSE y.oid END
            WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r'
                AND t.relname IN ('customer', 'address', 'film', 'payment', 'rental', 'inventory')
        LOOP
            IF c.kind IN ('smallint', 'integer') THEN
                EXECUTE format('ALTER TABLE %I ALTER %I TYPE bigint', c.relname, c.attname);
            ELSIF c.kind = 'numeric' THEN
                EXECUTE format('ALTER TABLE %I ALTER %I TYPE numeric(12, 2)', c.relname, c.attname);
            ELSIF c.kind IN ('character varying', 'mpaa_rating') THEN
                EXECUTE format('ALTER TABLE %I ALTER %I DROP DEFAULT', c.relname, c.attname);
                EXECUTE format('ALTER TABLE %I ALTER %I TYPE text USING %I::text', c.relname, c.attname, c.attname);
            END IF;
        END LOOP;
        FOR c IN
            SELECT conrelid::regclass AS relname, conname FROM pg_constraint
            WHERE connamespace = 'public'::regnamespace AND contype IN ('f', 'p')
            ORDER BY contype
        LOOP
            EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.relname, c.conname);
        END LOOP;
        FOR c IN
            SELECT a.attrelid::regclass AS relname, a.attname FROM pg_attribute a
            JOIN pg_class t ON t.oid = a.attrelid
            WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r' AND a.attnum > 0 AND a.attnotnull
        LOOP
            EXECUTE format('ALTER TABLE %s ALTER %I DROP NOT NULL', c.relname, c.attname);
        END LOOP;
    END $$;
"""

#: Source table -> the columns that a row with key %(key)s needs of others, beyond a copy of any row. A payment's own
#: rental, a customer's own address: so that each hostile row shows in one row of the star.
COPIES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "customer": (("customer", "customer_id"),),
    "address": (("address", "address_id"), ("customer", "customer_id, address_id")),
    "film": (("film", "film_id"),),
    "payment": (("payment", "payment_id"),),
    "rental": (("rental", "rental_id"), ("payment", "payment_id, rental_id")),
    "inventory": (
        ("inventory", "inventory_id"),
        ("rental", "rental_id, inventory_id"),
        ("payment", "payment_id, rental_id"),
    ),
}
STAR = {
    "customer": "dim_customer",
    "address": "dim_customer",
    "film": "dim_movie",
    "payment": "fact_sales",
    "rental": "fact_sales",
    "inventory": "fact_sales",
}
FIRST_KEY = 1_000_001
KEYS = {state: FIRST_KEY + number for number, state in enumerate(ROWS)}


def star_key(state: RowState) -> tuple[str, int | None]:
    """The table of the star that shows a state, and the natural key of its row there or in quarantine."""
    table = STAR[state.table]
    own = re.fullmatch(rf"{state.table}_id = (.+)", state.assigned)
    if not own or state.table not in ("customer", "film", "payment"):
        return table, KEYS[state]
    return table, None if own[1] == "NULL" else int(own[1])


def statements() -> Iterator[str]:
    """What makes each state, one statement each."""
    for state, key in KEYS.items():
        for table, columns in COPIES[state.table]:
            changed = ", ".join(f"'{column}', {key}" for column in columns.split(", "))
            yield (
                f"INSERT INTO {table} SELECT (jsonb_populate_record(b, jsonb_build_object({changed}))).*"
                f" FROM {table} b WHERE {table}_id = (SELECT min({table}_id) FROM {table} WHERE {table}_id > 0)"
            )
        yield f"UPDATE {state.table} SET {state.assigned} WHERE {state.table}_id = {key}"


def make_hostile(source: DatabaseClient) -> None:
    """Give a generated source all hostile rows."""
    source(WIDENED)
    source(";\n".join(statements()))


def loaded_keys(table: str) -> list[int]:
    """The natural keys of the rows of a table of the star that must equal the source."""
    found = (star_key(state) for state in ROWS if state.verdict is LOADED)
    return [key for name, key in found if name == table and key is not None]


_KNOWN = "{0} >= DATE '1970-01-01' AND {0} < DATE '2070-01-01'"
_DAY = f"CASE WHEN {_KNOWN} THEN to_char({{0}}, 'YYYYMMDD')::int ELSE -1 END"
#: The rows of the source that a table of the star must equal, as JSON by natural key. Written without the jobs' code.
IN_SOURCE = {
    "dim_customer": """
        SELECT customer_id, jsonb_build_object('customer_id', customer_id, 'first_name', first_name,
            'last_name', last_name, 'email', email, 'address', a.address, 'address2', a.address2,
            'district', a.district, 'city', ci.city, 'country', co.country, 'postal_code', a.postal_code,
            'phone', a.phone, 'active', active, 'create_date', create_date, 'store_id', store_id)::text
        FROM customer LEFT JOIN address a USING (address_id) LEFT JOIN city ci USING (city_id)
        LEFT JOIN country co USING (country_id) WHERE customer_id = ANY(%s)
    """,
    "dim_movie": """
        SELECT f.film_id, jsonb_build_object('film_id', f.film_id, 'title', title, 'description', description,
            'release_year', release_year, 'language', rtrim(l.name), 'rental_duration', rental_duration,
            'rental_rate', rental_rate, 'length', length, 'replacement_cost', replacement_cost, 'rating', rating,
            'category', (SELECT string_agg(name, ', ' ORDER BY name COLLATE "C")
                FROM film_category fc JOIN category USING (category_id) WHERE fc.film_id = f.film_id),
            'special_features', CASE WHEN special_features IS NOT NULL THEN coalesce(
                (SELECT string_agg(feature, ', ' ORDER BY feature COLLATE "C")
                    FROM unnest(special_features) AS feature), '') END)::text
        FROM film f LEFT JOIN language l USING (language_id) WHERE f.film_id = ANY(%s)
    """,
    "fact_sales": f"""
        SELECT payment_id, jsonb_build_array(payment_id, {_DAY.format("payment_date")}, {_DAY.format("rental_date")},
            CASE WHEN r.rental_id IS NULL THEN -1 WHEN return_date IS NULL THEN -2
                ELSE {_DAY.format("return_date")} END,
            coalesce(p.customer_id, -1), coalesce(p.staff_id, -1), coalesce(i.store_id, -1), coalesce(i.film_id, -1),
            amount, p.rental_id, payment_date)::text
        FROM payment p LEFT JOIN rental r ON r.rental_id = p.rental_id
        LEFT JOIN inventory i ON i.inventory_id = r.inventory_id WHERE payment_id = ANY(%s)
    """,
}
_VERSION = "'{{{0},valid_from,valid_to,is_current,is_deleted,is_inferred,row_hash,batch_id}}'"
_MEMBER = "SELECT {1}, (to_jsonb(d) - {2}::text[])::text FROM {0} d WHERE is_current AND {1} = ANY(%s)"
IN_STAR = {
    "dim_customer": _MEMBER.format("dim_customer", "customer_id", _VERSION.format("customer_key")),
    "dim_movie": _MEMBER.format("dim_movie", "film_id", _VERSION.format("movie_key")),
    "fact_sales": """
        SELECT f.sales_key, jsonb_build_array(f.sales_key, payment_date_key, rental_date_key, return_date_key,
            c.customer_id, e.staff_id, s.store_id, m.film_id, sales_amount, rental_id, payment_ts)::text
        FROM fact_sales f
        JOIN dim_customer c USING (customer_key) JOIN dim_staff e USING (staff_key)
        JOIN dim_store s USING (store_key) JOIN dim_movie m USING (movie_key) WHERE f.sales_key = ANY(%s)
    """,
}

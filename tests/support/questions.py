"""The questions of examples/questions, asked of the source: SQL that knows neither the star nor its views."""

from __future__ import annotations

PAYMENT = """
    payment p
    LEFT JOIN rental r USING (rental_id)
    LEFT JOIN inventory i USING (inventory_id)
    LEFT JOIN film f USING (film_id)
    JOIN customer c ON c.customer_id = p.customer_id
    JOIN address a ON a.address_id = c.address_id JOIN city t USING (city_id) JOIN country n USING (country_id)
    JOIN staff e ON e.staff_id = p.staff_id
    LEFT JOIN LATERAL (
        SELECT string_agg(g.name, ', ' ORDER BY g.name) AS names
        FROM film_category fc JOIN category g USING (category_id) WHERE fc.film_id = f.film_id
    ) g ON TRUE
    LEFT JOIN LATERAL (
        SELECT sc.city FROM store s JOIN address sa USING (address_id) JOIN city sc USING (city_id)
        WHERE s.store_id = i.store_id
    ) s ON TRUE
"""

SOURCE = {
    "01_sales_by_month": f"SELECT to_char(payment_date, 'YYYY-MM'), count(*), sum(amount) FROM {PAYMENT} GROUP BY 1",
    "02_sales_by_store": f"SELECT i.store_id, s.city, sum(amount) FROM {PAYMENT} GROUP BY 1, 2",
    "03_top_films": f"""
        SELECT f.title, count(*), sum(amount) FROM {PAYMENT}
        GROUP BY f.film_id, f.title ORDER BY 3 DESC, 1 LIMIT 10
    """,
    "04_sales_by_category": f"SELECT g.names, sum(amount), round(avg(amount), 2) FROM {PAYMENT} GROUP BY 1",
    "05_best_customers": f"""
        SELECT c.customer_id, c.first_name || ' ' || c.last_name, t.city, n.country, sum(amount)
        FROM {PAYMENT} GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1 LIMIT 10
    """,
    "06_sales_by_country": f"""
        SELECT n.country, count(DISTINCT c.customer_id), sum(amount) FROM {PAYMENT} GROUP BY 1 ORDER BY 3 DESC LIMIT 10
    """,
    "07_sales_by_weekday": f"""
        SELECT trim(to_char(payment_date, 'Day')), sum(amount),
            round(sum(amount) / count(DISTINCT payment_date::date), 2)
        FROM {PAYMENT} GROUP BY 1
    """,
    "08_late_returns": f"""
        SELECT CASE WHEN return_date IS NULL THEN 'not returned'
            WHEN return_date::date > rental_date::date + f.rental_duration THEN 'late' ELSE 'in time' END,
            count(DISTINCT p.rental_id), sum(amount)
        FROM {PAYMENT} WHERE p.rental_id IS NOT NULL GROUP BY 1
    """,
    "09_not_yet_returned": f"""
        SELECT i.store_id, s.city, count(DISTINCT p.rental_id) FROM {PAYMENT}
        WHERE r.rental_id IS NOT NULL AND return_date IS NULL GROUP BY 1, 2
    """,
    "10_sales_by_staff": f"""
        SELECT e.first_name || ' ' || e.last_name, to_char(payment_date, 'YYYY-MM'), count(*), sum(amount)
        FROM {PAYMENT} GROUP BY 1, 2
    """,
    "11_films_never_sold": """
        SELECT g.name, count(*) FROM film f JOIN film_category USING (film_id) JOIN category g USING (category_id)
        WHERE NOT EXISTS (
            SELECT 1 FROM payment JOIN rental USING (rental_id) JOIN inventory i USING (inventory_id)
            WHERE i.film_id = f.film_id
        )
        GROUP BY 1
    """,
    "12_free_rentals": f"SELECT f.rental_rate, count(*), count(*) FILTER (WHERE amount = 0) FROM {PAYMENT} GROUP BY 1",
}

#: One answer of each on the real dvdrental, read off by hand.
ANSWERS = {
    "01_sales_by_month": "('2007-04', 6754, Decimal('28559.46'))",
    "02_sales_by_store": "(2, 'Woodridge', Decimal('30683.13'))",
    "03_top_films": "('Telegraph Voyage', 25, Decimal('215.75'))",
    "04_sales_by_category": "('Sports', Decimal('4892.19'), Decimal('4.53'))",
    "05_best_customers": "(526, 'Karl Seal', 'Cape Coral', 'United States', Decimal('208.58'))",
    "06_sales_by_country": "('India', 60, Decimal('6034.78'))",
    "07_sales_by_weekday": "('Monday', Decimal('12214.52'), Decimal('2442.90'))",
    "08_late_returns": "('late', 6619, Decimal('37775.77'))",
    "09_not_yet_returned": "(1, 'Lethbridge', 92)",
    "10_sales_by_staff": "('Mike Hillyer', '2007-04', 3364, Decimal('14080.36'))",
    "11_films_never_sold": "('Foreign', 6)",
    "12_free_rentals": "(Decimal('2.99'), 4670, 8)",
}

-- Payments with the rental that each is for and the copy that was rented, by key.
SELECT
    CAST(p.payment_id AS bigint) AS sales_key,
    COALESCE(p.customer_id, -1) AS customer_id,
    COALESCE(p.staff_id, -1) AS staff_id,
    COALESCE(i.store_id, -1) AS store_id,
    COALESCE(i.film_id, -1) AS film_id,
    p.rental_id,
    p.amount AS sales_amount,
    CAST(p.payment_date AS timestamp) AS payment_ts,
    CASE
        WHEN CAST(p.payment_date AS date) BETWEEN DATE '1970-01-01' AND DATE '2069-12-31'
            THEN CAST(TO_CHAR(p.payment_date, 'YYYYMMDD') AS integer)
        ELSE -1
    END AS payment_date_key,
    CASE
        WHEN CAST(r.rental_date AS date) BETWEEN DATE '1970-01-01' AND DATE '2069-12-31'
            THEN CAST(TO_CHAR(r.rental_date, 'YYYYMMDD') AS integer)
        ELSE -1
    END AS rental_date_key,
    CASE
        WHEN r.rental_id IS NOT NULL AND r.return_date IS NULL THEN -2
        WHEN CAST(r.return_date AS date) BETWEEN DATE '1970-01-01' AND DATE '2069-12-31'
            THEN CAST(TO_CHAR(r.return_date, 'YYYYMMDD') AS integer)
        ELSE -1
    END AS return_date_key,
    LEAST(age(p.xmin), age(r.xmin), age(i.xmin)) <= age(CAST(%(horizon)s AS xid)) AS written_since_load,
    CASE
        WHEN r.rental_id IS NULL THEN 'rental.rental_id ' || p.rental_id
        WHEN i.inventory_id IS NULL THEN 'inventory.inventory_id ' || r.inventory_id
    END AS missing_reference
FROM payment p
LEFT JOIN rental r ON r.rental_id = p.rental_id
LEFT JOIN inventory i ON i.inventory_id = r.inventory_id
WHERE p.payment_id IS NOT NULL
ORDER BY p.payment_id

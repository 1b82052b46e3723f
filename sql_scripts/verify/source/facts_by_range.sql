-- Each column of the payments of 1,024 keys as one sum, weighted by the key: a swap of two values changes the sum.
-- A day is the number of days since 1970, which costs less than its key. Values that a fact cannot hold are in quarantine:
-- they only must not stop the sum here.
SELECT
    range_no,
    COUNT(*) AS facts,
    COUNT(rental_id) AS rented,
    SUM(nth * MOD(customer_id, 2147483648)) AS customers,
    SUM(nth * MOD(staff_id, 2147483648)) AS staff,
    SUM(nth * MOD(store_id, 2147483648)) AS stores,
    SUM(nth * MOD(film_id, 2147483648)) AS films,
    SUM(nth * MOD(rental_id, 1000000007)) AS rentals,
    SUM(nth * CAST(sales_amount * 100 AS bigint)) AS cents,
    SUM(nth * CAST(FLOOR(DATE_PART('epoch', payment_ts)) AS bigint)) AS seconds,
    SUM(nth * payment_day) AS payment_days,
    SUM(nth * rental_day) AS rental_days,
    SUM(nth * return_day) AS return_days
FROM (
    SELECT
        CAST(p.payment_id AS bigint) >> 10 AS range_no,
        1 + (CAST(p.payment_id AS bigint) & 1023) AS nth,
        COALESCE(p.customer_id, -1) AS customer_id,
        COALESCE(p.staff_id, -1) AS staff_id,
        COALESCE(i.store_id, -1) AS store_id,
        COALESCE(i.film_id, -1) AS film_id,
        p.rental_id,
        CASE WHEN p.amount BETWEEN -999.99 AND 999.99 THEN p.amount END AS sales_amount,
        CASE
            WHEN p.payment_date >= TIMESTAMP '1900-01-01' AND p.payment_date < TIMESTAMP '9999-12-31'
                THEN CAST(p.payment_date AS timestamp)
        END AS payment_ts,
        CASE
            WHEN CAST(p.payment_date AS date) BETWEEN DATE '1970-01-01' AND DATE '2069-12-31'
                THEN CAST(p.payment_date AS date) - DATE '1970-01-01'
            ELSE -1
        END AS payment_day,
        CASE
            WHEN CAST(r.rental_date AS date) BETWEEN DATE '1970-01-01' AND DATE '2069-12-31'
                THEN CAST(r.rental_date AS date) - DATE '1970-01-01'
            ELSE -1
        END AS rental_day,
        CASE
            WHEN r.rental_id IS NOT NULL AND r.return_date IS NULL THEN -2
            WHEN CAST(r.return_date AS date) BETWEEN DATE '1970-01-01' AND DATE '2069-12-31'
                THEN CAST(r.return_date AS date) - DATE '1970-01-01'
            ELSE -1
        END AS return_day
    FROM payment p
    LEFT JOIN rental r ON r.rental_id = p.rental_id
    LEFT JOIN inventory i ON i.inventory_id = r.inventory_id
    WHERE p.payment_id IS NOT NULL
) f
GROUP BY range_no

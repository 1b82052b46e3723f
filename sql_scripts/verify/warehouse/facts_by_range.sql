-- Each column of the facts of 1,024 keys as one sum, weighted by the key: a swap of two values changes the sum.
-- A day is the number of days since 1970 of its date in the calendar; the members -1 and -2 are their keys.
SELECT
    range_no,
    COUNT(*) AS facts,
    COUNT(rental_id) AS rented,
    SUM(nth * customer_id) AS customers,
    SUM(nth * staff_id) AS staff,
    SUM(nth * store_id) AS stores,
    SUM(nth * film_id) AS films,
    SUM(nth * MOD(rental_id, 1000000007)) AS rentals,
    SUM(nth * CAST(sales_amount * 100 AS bigint)) AS cents,
    SUM(nth * CAST(FLOOR(DATE_PART('epoch', payment_ts)) AS bigint)) AS seconds,
    SUM(nth * payment_day) AS payment_days,
    SUM(nth * rental_day) AS rental_days,
    SUM(nth * return_day) AS return_days
FROM (
    SELECT
        f.sales_key >> 10 AS range_no,
        1 + (f.sales_key & 1023) AS nth,
        COALESCE(c.customer_id, -9) AS customer_id,
        COALESCE(t.staff_id, -9) AS staff_id,
        COALESCE(s.store_id, -9) AS store_id,
        COALESCE(m.film_id, -9) AS film_id,
        f.rental_id,
        f.sales_amount,
        f.payment_ts,
        CASE WHEN f.payment_date_key < 0 THEN f.payment_date_key ELSE COALESCE(p.date - DATE '1970-01-01', -9) END AS payment_day,
        CASE WHEN f.rental_date_key < 0 THEN f.rental_date_key ELSE COALESCE(r.date - DATE '1970-01-01', -9) END AS rental_day,
        CASE WHEN f.return_date_key < 0 THEN f.return_date_key ELSE COALESCE(b.date - DATE '1970-01-01', -9) END AS return_day
    FROM fact_sales f
    LEFT JOIN dim_customer c ON c.customer_key = f.customer_key
    LEFT JOIN dim_staff t ON t.staff_key = f.staff_key
    LEFT JOIN dim_store s ON s.store_key = f.store_key
    LEFT JOIN dim_movie m ON m.movie_key = f.movie_key
    LEFT JOIN dim_date p ON p.date_key = f.payment_date_key
    LEFT JOIN dim_date r ON r.date_key = f.rental_date_key
    LEFT JOIN dim_date b ON b.date_key = f.return_date_key
) f
GROUP BY range_no

-- Facts with the natural keys of their members, by key.
SELECT
    f.sales_key,
    c.customer_id,
    t.staff_id,
    s.store_id,
    m.film_id,
    f.rental_id,
    f.sales_amount,
    f.payment_ts,
    f.payment_date_key,
    f.rental_date_key,
    f.return_date_key
FROM fact_sales f
LEFT JOIN dim_customer c ON c.customer_key = f.customer_key
LEFT JOIN dim_staff t ON t.staff_key = f.staff_key
LEFT JOIN dim_store s ON s.store_key = f.store_key
LEFT JOIN dim_movie m ON m.movie_key = f.movie_key
ORDER BY f.sales_key

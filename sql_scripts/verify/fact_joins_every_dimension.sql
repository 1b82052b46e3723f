-- Every fact's keys are members of their dimensions.
SELECT
    f.sales_key,
    CASE WHEN c.customer_key IS NULL THEN f.customer_key END AS lost_customer_key,
    CASE WHEN t.staff_key IS NULL THEN f.staff_key END AS lost_staff_key,
    CASE WHEN s.store_key IS NULL THEN f.store_key END AS lost_store_key,
    CASE WHEN m.movie_key IS NULL THEN f.movie_key END AS lost_movie_key,
    CASE WHEN p.date_key IS NULL THEN f.payment_date_key END AS lost_payment_date_key,
    CASE WHEN r.date_key IS NULL THEN f.rental_date_key END AS lost_rental_date_key,
    CASE WHEN b.date_key IS NULL THEN f.return_date_key END AS lost_return_date_key
FROM fact_sales f
LEFT JOIN dim_customer c ON c.customer_key = f.customer_key
LEFT JOIN dim_staff t ON t.staff_key = f.staff_key
LEFT JOIN dim_store s ON s.store_key = f.store_key
LEFT JOIN dim_movie m ON m.movie_key = f.movie_key
LEFT JOIN dim_payment_date p ON p.date_key = f.payment_date_key
LEFT JOIN dim_rental_date r ON r.date_key = f.rental_date_key
LEFT JOIN dim_return_date b ON b.date_key = f.return_date_key
WHERE c.customer_key IS NULL OR t.staff_key IS NULL OR s.store_key IS NULL OR m.movie_key IS NULL
    OR p.date_key IS NULL OR r.date_key IS NULL OR b.date_key IS NULL
ORDER BY f.sales_key

-- Every fact names the versions that were valid at its payment, and the day of its payment.
SELECT f.sales_key, f.payment_ts, f.payment_date_key, f.customer_key, f.staff_key, f.store_key, f.movie_key
FROM fact_sales f
LEFT JOIN dim_customer c ON c.customer_key = f.customer_key
LEFT JOIN dim_staff t ON t.staff_key = f.staff_key
LEFT JOIN dim_store s ON s.store_key = f.store_key
LEFT JOIN dim_movie m ON m.movie_key = f.movie_key
LEFT JOIN dim_date p ON p.date_key = f.payment_date_key
WHERE f.payment_ts < c.valid_from OR f.payment_ts >= c.valid_to
    OR f.payment_ts < t.valid_from OR f.payment_ts >= t.valid_to
    OR f.payment_ts < s.valid_from OR f.payment_ts >= s.valid_to
    OR f.payment_ts < m.valid_from OR f.payment_ts >= m.valid_to
    OR p.date <> CAST(f.payment_ts AS date)
ORDER BY f.sales_key

-- No key occurs twice. (Redshift does not enforce primary keys.)
SELECT 'fact_sales' AS table_name, sales_key AS key_value, COUNT(*) AS times FROM fact_sales GROUP BY sales_key HAVING COUNT(*) > 1
UNION ALL
SELECT 'dim_customer' AS table_name, customer_key AS key_value, COUNT(*) AS times FROM dim_customer GROUP BY customer_key HAVING COUNT(*) > 1
UNION ALL
SELECT 'dim_movie' AS table_name, movie_key AS key_value, COUNT(*) AS times FROM dim_movie GROUP BY movie_key HAVING COUNT(*) > 1
UNION ALL
SELECT 'dim_store' AS table_name, store_key AS key_value, COUNT(*) AS times FROM dim_store GROUP BY store_key HAVING COUNT(*) > 1
UNION ALL
SELECT 'dim_staff' AS table_name, staff_key AS key_value, COUNT(*) AS times FROM dim_staff GROUP BY staff_key HAVING COUNT(*) > 1
UNION ALL
SELECT 'dim_date' AS table_name, date_key AS key_value, COUNT(*) AS times FROM dim_date GROUP BY date_key HAVING COUNT(*) > 1
ORDER BY 1, 2

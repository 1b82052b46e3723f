-- A table that has rows has a published load.
SELECT t.table_name, t.row_count
FROM (
    SELECT 'fact_sales' AS table_name, COUNT(*) AS row_count FROM fact_sales
    UNION ALL
    SELECT 'dim_customer', COUNT(*) FROM dim_customer WHERE customer_key > 0 AND NOT is_inferred
    UNION ALL
    SELECT 'dim_movie', COUNT(*) FROM dim_movie WHERE movie_key > 0 AND NOT is_inferred
    UNION ALL
    SELECT 'dim_store', COUNT(*) FROM dim_store WHERE store_key > 0 AND NOT is_inferred
    UNION ALL
    SELECT 'dim_staff', COUNT(*) FROM dim_staff WHERE staff_key > 0 AND NOT is_inferred
) t
LEFT JOIN etl_load l ON l.table_name = t.table_name AND l.status = 'published'
WHERE t.row_count > 0 AND l.load_id IS NULL
ORDER BY t.table_name

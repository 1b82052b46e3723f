-- Every row leads to the run that wrote it.
SELECT w.table_name, w.batch_id, w.row_count
FROM (
    SELECT 'fact_sales' AS table_name, batch_id, COUNT(*) AS row_count FROM fact_sales GROUP BY batch_id
    UNION ALL
    SELECT 'dim_customer', batch_id, COUNT(*) FROM dim_customer WHERE customer_key > 0 GROUP BY batch_id
    UNION ALL
    SELECT 'dim_movie', batch_id, COUNT(*) FROM dim_movie WHERE movie_key > 0 GROUP BY batch_id
    UNION ALL
    SELECT 'dim_store', batch_id, COUNT(*) FROM dim_store WHERE store_key > 0 GROUP BY batch_id
    UNION ALL
    SELECT 'dim_staff', batch_id, COUNT(*) FROM dim_staff WHERE staff_key > 0 GROUP BY batch_id
) w
LEFT JOIN etl_batch b ON b.batch_id = w.batch_id
WHERE b.batch_id IS NULL
ORDER BY w.table_name, w.batch_id

-- A table that has rows has a published load.
SELECT t.table_name, t.row_count
FROM (
    SELECT 'fact_sales' AS table_name, COUNT(*) AS row_count
    FROM fact_sales
    WHERE NOT EXISTS (SELECT 1 FROM etl_load WHERE table_name = 'fact_sales' AND status = 'published')
    UNION ALL
    SELECT 'dim_customer' AS table_name, COUNT(*) AS row_count
    FROM dim_customer
    WHERE customer_key > 0 AND NOT is_inferred
        AND NOT EXISTS (SELECT 1 FROM etl_load WHERE table_name = 'dim_customer' AND status = 'published')
    UNION ALL
    SELECT 'dim_movie' AS table_name, COUNT(*) AS row_count
    FROM dim_movie
    WHERE movie_key > 0 AND NOT is_inferred
        AND NOT EXISTS (SELECT 1 FROM etl_load WHERE table_name = 'dim_movie' AND status = 'published')
    UNION ALL
    SELECT 'dim_store' AS table_name, COUNT(*) AS row_count
    FROM dim_store
    WHERE store_key > 0 AND NOT is_inferred
        AND NOT EXISTS (SELECT 1 FROM etl_load WHERE table_name = 'dim_store' AND status = 'published')
    UNION ALL
    SELECT 'dim_staff' AS table_name, COUNT(*) AS row_count
    FROM dim_staff
    WHERE staff_key > 0 AND NOT is_inferred
        AND NOT EXISTS (SELECT 1 FROM etl_load WHERE table_name = 'dim_staff' AND status = 'published')
) t
WHERE t.row_count > 0
ORDER BY t.table_name

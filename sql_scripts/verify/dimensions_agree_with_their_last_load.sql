-- Members that the source has are as many as the last load of their dimension counted.
SELECT l.table_name, l.load_id, l.warehouse_rows - l.rows_quarantined AS members_then, d.members AS members_now
FROM etl_load l
INNER JOIN (
    SELECT 'dim_customer' AS table_name, COUNT(*) AS members
    FROM dim_customer WHERE is_current AND NOT is_deleted AND NOT is_inferred AND customer_key > 0
    UNION ALL
    SELECT 'dim_movie', COUNT(*)
    FROM dim_movie WHERE is_current AND NOT is_deleted AND NOT is_inferred AND movie_key > 0
    UNION ALL
    SELECT 'dim_store', COUNT(*)
    FROM dim_store WHERE is_current AND NOT is_deleted AND NOT is_inferred AND store_key > 0
    UNION ALL
    SELECT 'dim_staff', COUNT(*)
    FROM dim_staff WHERE is_current AND NOT is_deleted AND NOT is_inferred AND staff_key > 0
) d ON d.table_name = l.table_name
INNER JOIN (
    SELECT table_name, MAX(load_id) AS load_id FROM etl_load WHERE status = 'published' GROUP BY table_name
) latest ON latest.load_id = l.load_id
WHERE l.warehouse_rows - l.rows_quarantined <> d.members
ORDER BY l.table_name

-- Members that the source has, but for those in quarantine, are as many as the last load of their dimension counted.
WITH latest AS (
    SELECT table_name, MAX(load_id) AS load_id FROM etl_load WHERE status = 'published' GROUP BY table_name
),
quarantine AS (
    SELECT DISTINCT j.table_name, CAST(j.natural_key AS bigint) AS natural_key
    FROM etl_reject j
    INNER JOIN latest ON latest.load_id = j.load_id
)
SELECT l.table_name, l.load_id, l.warehouse_rows - l.rows_quarantined AS members_then, d.members AS members_now
FROM etl_load l
INNER JOIN (
    SELECT 'dim_customer' AS table_name, COUNT(*) AS members
    FROM dim_customer d
    LEFT JOIN quarantine q ON q.table_name = 'dim_customer' AND q.natural_key = d.customer_id
    WHERE d.is_current AND NOT d.is_deleted AND NOT d.is_inferred AND d.customer_key > 0 AND q.natural_key IS NULL
    UNION ALL
    SELECT 'dim_movie', COUNT(*)
    FROM dim_movie d
    LEFT JOIN quarantine q ON q.table_name = 'dim_movie' AND q.natural_key = d.film_id
    WHERE d.is_current AND NOT d.is_deleted AND NOT d.is_inferred AND d.movie_key > 0 AND q.natural_key IS NULL
    UNION ALL
    SELECT 'dim_store', COUNT(*)
    FROM dim_store d
    LEFT JOIN quarantine q ON q.table_name = 'dim_store' AND q.natural_key = d.store_id
    WHERE d.is_current AND NOT d.is_deleted AND NOT d.is_inferred AND d.store_key > 0 AND q.natural_key IS NULL
    UNION ALL
    SELECT 'dim_staff', COUNT(*)
    FROM dim_staff d
    LEFT JOIN quarantine q ON q.table_name = 'dim_staff' AND q.natural_key = d.staff_id
    WHERE d.is_current AND NOT d.is_deleted AND NOT d.is_inferred AND d.staff_key > 0 AND q.natural_key IS NULL
) d ON d.table_name = l.table_name
INNER JOIN latest ON latest.load_id = l.load_id
WHERE l.warehouse_rows - l.rows_quarantined <> d.members
ORDER BY l.table_name

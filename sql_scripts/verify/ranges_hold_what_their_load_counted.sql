-- Facts and members, with the rows in quarantine, are as many in each range of 1,024 keys as the last load counted.
SELECT
    COALESCE(r.table_name, h.table_name) AS table_name,
    COALESCE(r.range_no, h.range_no) AS range_no,
    COALESCE(r.source_rows, 0) AS rows_then,
    COALESCE(h.rows_now, 0) AS rows_now
FROM (
    SELECT table_name, range_no, source_rows
    FROM etl_range
    WHERE source_name = CASE table_name
        WHEN 'fact_sales' THEN 'payment'
        WHEN 'dim_customer' THEN 'customer'
        WHEN 'dim_movie' THEN 'film'
        WHEN 'dim_store' THEN 'store'
        WHEN 'dim_staff' THEN 'staff'
    END
) r
FULL JOIN (
    SELECT k.table_name, k.natural_key >> 10 AS range_no, COUNT(*) AS rows_now
    FROM (
        SELECT 'fact_sales' AS table_name, CAST(sales_key AS bigint) AS natural_key
        FROM fact_sales
        UNION ALL
        SELECT j.table_name, CAST(j.natural_key AS bigint) AS natural_key
        FROM etl_reject j
        INNER JOIN (
            SELECT table_name, MAX(load_id) AS load_id FROM etl_load WHERE status = 'published' GROUP BY table_name
        ) latest ON latest.load_id = j.load_id
        WHERE j.natural_key IS NOT NULL AND j.table_name = 'fact_sales'
        UNION ALL
        (
            SELECT 'dim_customer' AS table_name, CAST(customer_id AS bigint) AS natural_key
            FROM dim_customer
            WHERE is_current AND NOT is_deleted AND NOT is_inferred AND customer_key > 0
            UNION
            SELECT 'dim_movie' AS table_name, CAST(film_id AS bigint) AS natural_key
            FROM dim_movie
            WHERE is_current AND NOT is_deleted AND NOT is_inferred AND movie_key > 0
            UNION
            SELECT 'dim_store' AS table_name, CAST(store_id AS bigint) AS natural_key
            FROM dim_store
            WHERE is_current AND NOT is_deleted AND NOT is_inferred AND store_key > 0
            UNION
            SELECT 'dim_staff' AS table_name, CAST(staff_id AS bigint) AS natural_key
            FROM dim_staff
            WHERE is_current AND NOT is_deleted AND NOT is_inferred AND staff_key > 0
            UNION
            SELECT j.table_name, CAST(j.natural_key AS bigint) AS natural_key
            FROM etl_reject j
            INNER JOIN (
                SELECT table_name, MAX(load_id) AS load_id FROM etl_load WHERE status = 'published' GROUP BY table_name
            ) latest ON latest.load_id = j.load_id
            WHERE j.natural_key IS NOT NULL AND j.table_name <> 'fact_sales'
        )
    ) k
    GROUP BY k.table_name, k.natural_key >> 10
) h ON h.table_name = r.table_name AND h.range_no = r.range_no
WHERE COALESCE(r.source_rows, 0) <> COALESCE(h.rows_now, 0)
ORDER BY 1, 2

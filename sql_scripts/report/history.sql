-- The last fourteen runs up to this one, with their last attempt at each table: seconds, and rows that it wrote.
SELECT b.batch_id, b.started_at, b.status, l.table_name, COALESCE(l.seconds, 0) AS seconds,
    COALESCE(l.rows_new, 0) + COALESCE(l.rows_changed, 0) + COALESCE(l.rows_deleted, 0) AS rows_written,
    COALESCE(l.rows_quarantined, 0) AS rows_quarantined
FROM etl_batch b
INNER JOIN etl_load l ON l.batch_id = b.batch_id
WHERE
    b.batch_id > %(batch_id)s - 14
    AND b.batch_id <= %(batch_id)s
    AND l.load_id IN (SELECT MAX(load_id) FROM etl_load GROUP BY batch_id, table_name)
ORDER BY b.batch_id, l.table_name

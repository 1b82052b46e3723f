-- The last attempt of a run at each table: what it did, and what it read and why.
SELECT table_name, status, rows_read, rows_new, rows_changed, rows_expired, rows_deleted, rows_quarantined, rows_warned, seconds,
    extent, reason
FROM etl_load
WHERE load_id IN (SELECT MAX(load_id) FROM etl_load WHERE batch_id = %(batch_id)s GROUP BY table_name)
ORDER BY load_id

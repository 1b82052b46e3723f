-- A published load loaded or quarantined every row that it read, with the same total amount.
SELECT
    l.load_id, l.table_name, l.rows_read, l.source_rows, l.warehouse_rows, l.source_amount, l.warehouse_amount,
    l.rows_quarantined, COALESCE(j.rejected, 0) AS rejects
FROM etl_load l
LEFT JOIN (SELECT load_id, COUNT(*) AS rejected FROM etl_reject GROUP BY load_id) j ON j.load_id = l.load_id
WHERE l.status = 'published'
    AND (
        l.warehouse_rows <> l.source_rows
        OR (l.is_full AND l.rows_read <> l.source_rows)
        OR COALESCE(l.source_amount, 0) <> COALESCE(l.warehouse_amount, 0)
        OR l.rows_quarantined <> COALESCE(j.rejected, 0)
    )
ORDER BY l.load_id

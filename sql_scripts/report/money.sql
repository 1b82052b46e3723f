-- Payments on both sides: counted in the source on the snapshot of the last published load, and in the warehouse now.
SELECT l.batch_id, l.source_rows, COALESCE(l.source_amount, 0) AS source_amount, f.payments, f.amount,
    l.rows_quarantined, COALESCE(l.quarantined_amount, 0) AS quarantined_amount
FROM etl_load l
CROSS JOIN (SELECT COUNT(*) AS payments, COALESCE(SUM(sales_amount), 0) AS amount FROM fact_sales) f
WHERE l.load_id = (SELECT MAX(load_id) FROM etl_load WHERE table_name = 'fact_sales' AND status = 'published')

-- Facts and quarantined rows have the number and the amount that the last load counted.
SELECT l.load_id, l.warehouse_rows AS rows_then, f.rows_now, l.facts_amount AS amount_then, f.amount_now
FROM (
    SELECT load_id, warehouse_rows, rows_quarantined,
        COALESCE(warehouse_amount, 0) - COALESCE(quarantined_amount, 0) AS facts_amount
    FROM etl_load
    WHERE load_id = (SELECT MAX(load_id) FROM etl_load WHERE table_name = 'fact_sales' AND status = 'published')
) l
CROSS JOIN (SELECT COUNT(*) AS rows_now, COALESCE(SUM(sales_amount), 0) AS amount_now FROM fact_sales) f
WHERE l.warehouse_rows <> f.rows_now + l.rows_quarantined
    OR l.facts_amount <> f.amount_now

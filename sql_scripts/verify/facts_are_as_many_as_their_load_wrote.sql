-- The batch of the last load has as many facts as that load wrote, unless several loads of the batch wrote facts.
SELECT l.load_id, l.batch_id, l.rows_written, COUNT(f.sales_key) AS rows_now
FROM (
    SELECT w.load_id, w.batch_id, w.rows_new + w.rows_changed AS rows_written
    FROM etl_load w
    INNER JOIN (
        SELECT batch_id, MAX(load_id) AS load_id
        FROM etl_load
        WHERE table_name = 'fact_sales' AND status = 'published'
        GROUP BY batch_id
        HAVING COUNT(*) = 1
    ) alone ON alone.load_id = w.load_id
    WHERE w.load_id = (SELECT MAX(load_id) FROM etl_load WHERE table_name = 'fact_sales' AND status = 'published')
) l
LEFT JOIN fact_sales f ON f.batch_id = l.batch_id
GROUP BY l.load_id, l.batch_id, l.rows_written
HAVING l.rows_written <> COUNT(f.sales_key)

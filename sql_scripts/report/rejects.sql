-- The first quarantined rows of a run's last attempts.
SELECT table_name, rule, natural_key, column_name, value
FROM etl_reject
WHERE load_id IN (SELECT MAX(load_id) FROM etl_load WHERE batch_id = %(batch_id)s GROUP BY table_name)
ORDER BY table_name, rule, natural_key
LIMIT 20

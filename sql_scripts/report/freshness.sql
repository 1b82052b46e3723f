-- The last published load of each table: the time that its rows stand for, and when it ran (UTC).
SELECT table_name, as_of, started_at
FROM etl_load
WHERE load_id IN (SELECT MAX(load_id) FROM etl_load WHERE status = 'published' GROUP BY table_name)
ORDER BY table_name

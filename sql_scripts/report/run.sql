-- One run of etl_batch.
SELECT batch_id, run_id, status, as_of, code_version, started_at, finished_at
FROM etl_batch
WHERE batch_id = %(batch_id)s

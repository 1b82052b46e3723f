-- Facts, quarantined payments and their amount by day, without those known to have changed since the load.
SELECT day, COUNT(*) AS payments, SUM(amount) AS amount
FROM (
    SELECT CAST(payment_ts AS date) AS day, sales_amount AS amount
    FROM fact_sales
    WHERE sales_key NOT IN %(left_out)s
    UNION ALL
    SELECT
        CAST(CASE WHEN day_at > 0 THEN SUBSTRING(row_json FROM day_at + 15 FOR 10) END AS date),
        CAST(
            CASE WHEN amount_at > 0 THEN SPLIT_PART(SUBSTRING(row_json FROM amount_at + 17 FOR 20), '"', 1) END
            AS numeric(18,2)
        )
    FROM (
        SELECT
            row_json, natural_key,
            POSITION('"payment_ts": "' IN row_json) AS day_at,
            POSITION('"sales_amount": "' IN row_json) AS amount_at
        FROM etl_reject
        WHERE load_id = (SELECT MAX(load_id) FROM etl_load WHERE table_name = 'fact_sales' AND status = 'published')
    ) q
    WHERE natural_key IS NULL OR CAST(natural_key AS bigint) NOT IN %(left_out)s
) p
GROUP BY day

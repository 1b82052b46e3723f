-- The physical design on PostgreSQL besides postgres_dimension.sql.

-- A fact has one partition. While it is empty, the first load fills another table beside it, and then attaches that in its
-- place: each row is written once, and readers see all of them at once. A fact that has rows already stays as it is.
DO $$
BEGIN
    IF (SELECT relkind FROM pg_class WHERE oid = CAST('fact_sales' AS regclass)) = 'r'
        AND NOT EXISTS (SELECT 1 FROM fact_sales)
    THEN
        ALTER TABLE fact_sales RENAME TO fact_sales_rows;
        ALTER INDEX fact_sales_pkey RENAME TO fact_sales_rows_pkey;
        CREATE TABLE fact_sales (LIKE fact_sales_rows, PRIMARY KEY (sales_key)) PARTITION BY RANGE (sales_key);
        ALTER TABLE fact_sales ATTACH PARTITION fact_sales_rows FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
    END IF;
END
$$;
CREATE INDEX IF NOT EXISTS fact_sales_payment_date ON fact_sales (payment_date_key);
CREATE INDEX IF NOT EXISTS etl_load_table ON etl_load (table_name, load_id);
CREATE INDEX IF NOT EXISTS etl_batch_run ON etl_batch (run_id);

-- Indexes on PostgreSQL: the way from a natural key to its versions, and the current members.
CREATE UNIQUE INDEX IF NOT EXISTS dim_customer_version ON dim_customer (customer_id, valid_from);
CREATE UNIQUE INDEX IF NOT EXISTS dim_customer_current ON dim_customer (customer_id) WHERE is_current;
CREATE UNIQUE INDEX IF NOT EXISTS dim_movie_version ON dim_movie (film_id, valid_from);
CREATE UNIQUE INDEX IF NOT EXISTS dim_movie_current ON dim_movie (film_id) WHERE is_current;
CREATE UNIQUE INDEX IF NOT EXISTS dim_store_version ON dim_store (store_id, valid_from);
CREATE UNIQUE INDEX IF NOT EXISTS dim_store_current ON dim_store (store_id) WHERE is_current;
CREATE UNIQUE INDEX IF NOT EXISTS dim_staff_version ON dim_staff (staff_id, valid_from);
CREATE UNIQUE INDEX IF NOT EXISTS dim_staff_current ON dim_staff (staff_id) WHERE is_current;
CREATE INDEX IF NOT EXISTS fact_sales_payment_date ON fact_sales (payment_date_key);
CREATE INDEX IF NOT EXISTS etl_load_table ON etl_load (table_name, load_id);
CREATE INDEX IF NOT EXISTS etl_batch_run ON etl_batch (run_id);

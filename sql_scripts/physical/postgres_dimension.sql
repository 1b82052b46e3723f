-- Indexes of every dimension on PostgreSQL: from a natural key to its versions, and to its current version. By the last one
-- the planner knows that {table}_current has one row per member, and leaves it out where v_sales is read without it.
-- To run it by hand, replace {table} and {natural_key}, such as dim_customer and customer_id.
-- The second one had the name that is a view's now: rename it where a warehouse still has it.
DO $$
BEGIN
    IF EXISTS (
        SELECT 1 FROM pg_class
        WHERE relname = '{table}_current' AND relkind = 'i' AND relnamespace = CAST(CURRENT_SCHEMA() AS regnamespace)
    ) THEN
        ALTER INDEX {table}_current RENAME TO {table}_current_version;
    END IF;
END
$$;
CREATE UNIQUE INDEX IF NOT EXISTS {table}_version ON {table} ({natural_key}, valid_from);
CREATE UNIQUE INDEX IF NOT EXISTS {table}_current_version ON {table} ({natural_key}) WHERE is_current;
CREATE UNIQUE INDEX IF NOT EXISTS {table}_end ON {table} ({natural_key}, valid_to);

-- Indexes of every dimension on PostgreSQL: from a natural key to its versions, and to its current version.
-- To run it by hand, replace {table} and {natural_key}, such as dim_customer and customer_id.
CREATE UNIQUE INDEX IF NOT EXISTS {table}_version ON {table} ({natural_key}, valid_from);
CREATE UNIQUE INDEX IF NOT EXISTS {table}_current ON {table} ({natural_key}) WHERE is_current;

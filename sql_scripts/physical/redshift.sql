-- Distribution and sort keys on Amazon Redshift that differ from redshift_dimension.sql, and why. Encodings are left to
-- Redshift (ENCODE AUTO): AZ64 for numbers and timestamps, ZSTD or LZO for text, leading sort columns raw.
-- A new table is created with these. For a table that is there, run its statements by hand: Redshift copies it.

-- The calendar joins every fact three times: a copy on every node, in the order of its key.
ALTER TABLE dim_date ALTER DISTSTYLE ALL;
ALTER TABLE dim_date ALTER SORTKEY (date_key);
-- The largest dimension is distributed like its facts: the join that most reports make moves nothing.
ALTER TABLE dim_customer ALTER DISTKEY customer_key;
ALTER TABLE dim_customer ALTER SORTKEY (customer_key);
-- Facts are distributed by customer, evenly over the nodes, and sorted by the day that reports filter on: blocks of other
-- days are not read.
ALTER TABLE fact_sales ALTER DISTKEY customer_key;
ALTER TABLE fact_sales ALTER SORTKEY (payment_date_key);
-- The record of runs is small and read as a whole.
ALTER TABLE etl_batch ALTER DISTSTYLE ALL;
ALTER TABLE etl_load ALTER DISTSTYLE ALL;
ALTER TABLE etl_range ALTER SORTKEY (table_name, source_name, range_no);

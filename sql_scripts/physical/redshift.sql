-- Distribution and sort keys on Amazon Redshift, and why. Encodings are left to Redshift (ENCODE AUTO), which takes AZ64
-- for numbers and moments and ZSTD or LZO for text, and leaves leading sort columns raw.

-- The calendar joins every fact three times: a copy on every node, in order of its key, merges without moving a row.
ALTER TABLE dim_date ALTER DISTSTYLE ALL;
ALTER TABLE dim_date ALTER SORTKEY (date_key);
-- The largest dimension lies where its facts lie: the join that reports make most moves nothing.
ALTER TABLE dim_customer ALTER DISTKEY customer_key;
ALTER TABLE dim_customer ALTER SORTKEY (customer_key);
-- Films are few, and joined from every node: a copy on each.
ALTER TABLE dim_movie ALTER DISTSTYLE ALL;
ALTER TABLE dim_movie ALTER SORTKEY (movie_key);
-- Stores and staff are fewer still.
ALTER TABLE dim_store ALTER DISTSTYLE ALL;
ALTER TABLE dim_staff ALTER DISTSTYLE ALL;
-- Facts lie with their customers, spread evenly over the nodes, and in order of the day that reports filter on: whole
-- blocks of other days are not read.
ALTER TABLE fact_sales ALTER DISTKEY customer_key;
ALTER TABLE fact_sales ALTER SORTKEY (payment_date_key);
-- The record of runs is small and read as a whole.
ALTER TABLE etl_batch ALTER DISTSTYLE ALL;
ALTER TABLE etl_load ALTER DISTSTYLE ALL;
ALTER TABLE etl_range ALTER SORTKEY (table_name, source_name, range_no);

-- Distribution and sort keys on Amazon Redshift. Small dimensions live whole on every node, so that no join moves
-- them; the fact shares its key with the largest dimension and is sorted by the day that reports filter on.
ALTER TABLE dim_date ALTER DISTSTYLE ALL;
ALTER TABLE dim_date ALTER SORTKEY (date_key);
ALTER TABLE dim_customer ALTER DISTKEY customer_key;
ALTER TABLE dim_customer ALTER SORTKEY (customer_key);
ALTER TABLE dim_movie ALTER DISTSTYLE ALL;
ALTER TABLE dim_store ALTER DISTSTYLE ALL;
ALTER TABLE dim_staff ALTER DISTSTYLE ALL;
ALTER TABLE fact_sales ALTER DISTKEY customer_key;
ALTER TABLE fact_sales ALTER SORTKEY (payment_date_key);

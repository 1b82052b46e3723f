-- The customers that the source has, as far as the warehouse knows, by key.
SELECT
    customer_id,
    first_name,
    last_name,
    email,
    address,
    address2,
    district,
    city,
    country,
    postal_code,
    phone,
    active,
    create_date,
    store_id,
    is_inferred,
    is_inferred AS is_early
FROM dim_customer
WHERE is_current AND NOT is_deleted AND customer_key > 0
ORDER BY customer_id

-- The stores that the source has, as far as the warehouse knows, by key.
SELECT
    store_id,
    address,
    address2,
    district,
    city,
    country,
    postal_code,
    phone,
    manager_staff_id,
    manager_first_name,
    manager_last_name,
    is_inferred,
    is_inferred AS is_early
FROM dim_store
WHERE is_current AND NOT is_deleted AND store_key > 0
ORDER BY store_id

-- The staff that the source has, as far as the warehouse knows, by key.
SELECT
    staff_id,
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
    store_id,
    is_inferred,
    is_inferred AS is_early
FROM dim_staff
WHERE is_current AND NOT is_deleted AND staff_key > 0
ORDER BY staff_id

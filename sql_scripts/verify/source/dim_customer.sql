-- Customers and where they live, by key.
SELECT
    c.customer_id,
    CAST(c.first_name AS text) AS first_name,
    CAST(c.last_name AS text) AS last_name,
    CAST(c.email AS text) AS email,
    CAST(a.address AS text) AS address,
    CAST(a.address2 AS text) AS address2,
    CAST(a.district AS text) AS district,
    CAST(ci.city AS text) AS city,
    CAST(co.country AS text) AS country,
    CAST(a.postal_code AS text) AS postal_code,
    CAST(a.phone AS text) AS phone,
    c.active,
    c.create_date,
    c.store_id,
    FALSE AS is_inferred,
    LEAST(age(c.xmin), age(a.xmin), age(ci.xmin), age(co.xmin))
    <= age(CAST(%(horizon)s AS xid)) AS written_since_load,
    CASE
        WHEN a.address_id IS NULL THEN 'address.address_id ' || c.address_id
        WHEN ci.city_id IS NULL THEN 'city.city_id ' || a.city_id
        WHEN co.country_id IS NULL THEN 'country.country_id ' || ci.country_id
    END AS missing_reference
FROM customer c
LEFT JOIN address a ON a.address_id = c.address_id
LEFT JOIN city ci ON ci.city_id = a.city_id
LEFT JOIN country co ON co.country_id = ci.country_id
WHERE c.customer_id IS NOT NULL
ORDER BY c.customer_id

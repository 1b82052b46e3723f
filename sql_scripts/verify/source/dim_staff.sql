-- Staff and where they live, by key.
SELECT
    t.staff_id,
    CAST(t.first_name AS text) AS first_name,
    CAST(t.last_name AS text) AS last_name,
    CAST(t.email AS text) AS email,
    CAST(a.address AS text) AS address,
    CAST(a.address2 AS text) AS address2,
    CAST(a.district AS text) AS district,
    CAST(ci.city AS text) AS city,
    CAST(co.country AS text) AS country,
    CAST(a.postal_code AS text) AS postal_code,
    CAST(a.phone AS text) AS phone,
    t.active,
    t.store_id,
    FALSE AS is_inferred,
    LEAST(age(t.xmin), age(a.xmin), age(ci.xmin), age(co.xmin))
    <= age(CAST(%(horizon)s AS xid)) AS written_since_load,
    CASE
        WHEN a.address_id IS NULL THEN 'address.address_id ' || t.address_id
        WHEN ci.city_id IS NULL THEN 'city.city_id ' || a.city_id
        WHEN co.country_id IS NULL THEN 'country.country_id ' || ci.country_id
    END AS missing_reference
FROM staff t
LEFT JOIN address a ON a.address_id = t.address_id
LEFT JOIN city ci ON ci.city_id = a.city_id
LEFT JOIN country co ON co.country_id = ci.country_id
WHERE t.staff_id IS NOT NULL
ORDER BY t.staff_id

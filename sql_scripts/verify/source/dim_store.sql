-- Stores, their location and their manager, by key.
SELECT
    s.store_id,
    CAST(a.address AS text) AS address,
    CAST(a.address2 AS text) AS address2,
    CAST(a.district AS text) AS district,
    CAST(ci.city AS text) AS city,
    CAST(co.country AS text) AS country,
    CAST(a.postal_code AS text) AS postal_code,
    CAST(a.phone AS text) AS phone,
    s.manager_staff_id,
    CAST(m.first_name AS text) AS manager_first_name,
    CAST(m.last_name AS text) AS manager_last_name,
    FALSE AS is_inferred,
    LEAST(age(s.xmin), age(a.xmin), age(ci.xmin), age(co.xmin), age(m.xmin))
    <= age(CAST(%(horizon)s AS xid)) AS written_since_load,
    CASE
        WHEN a.address_id IS NULL THEN 'address.address_id ' || s.address_id
        WHEN ci.city_id IS NULL THEN 'city.city_id ' || a.city_id
        WHEN co.country_id IS NULL THEN 'country.country_id ' || ci.country_id
        WHEN m.staff_id IS NULL THEN 'staff.staff_id ' || s.manager_staff_id
    END AS missing_reference
FROM store s
LEFT JOIN address a ON a.address_id = s.address_id
LEFT JOIN city ci ON ci.city_id = a.city_id
LEFT JOIN country co ON co.country_id = ci.country_id
LEFT JOIN staff m ON m.staff_id = s.manager_staff_id
WHERE s.store_id IS NOT NULL
ORDER BY s.store_id

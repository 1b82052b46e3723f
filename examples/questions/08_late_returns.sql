-- How often do films come back late, by the rental duration that was agreed at that time? A rental may have several payments.
SELECT
    CASE
        WHEN return_date IS NULL THEN 'not returned'
        WHEN return_date - rental_date > movie_rental_duration THEN 'late'
        ELSE 'in time'
    END AS returned,
    COUNT(DISTINCT rental_id) AS rentals,
    SUM(sales_amount) AS sales
FROM v_sales
WHERE rental_id IS NOT NULL
GROUP BY 1
ORDER BY rentals DESC;

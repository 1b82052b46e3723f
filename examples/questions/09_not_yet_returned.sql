-- How many paid rentals are still out, by store? Their return date is the member "Not yet happened", not NULL.
SELECT store_id, store_city, COUNT(DISTINCT rental_id) AS rentals
FROM v_sales
WHERE return_year_month = 'Not yet happened'
GROUP BY store_id, store_city
ORDER BY store_id;

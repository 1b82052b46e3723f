-- Which categories have films that nobody ever paid for? They are in no sale: ask the dimension.
SELECT m.category, COUNT(*) AS films
FROM dim_movie_current m
LEFT JOIN v_sales s ON s.film_id = m.film_id
WHERE m.film_id > 0 AND NOT m.is_deleted AND s.sales_key IS NULL
GROUP BY m.category
ORDER BY films DESC, m.category;

-- Which ten films earn most?
SELECT movie_title, COUNT(*) AS payments, SUM(sales_amount) AS sales
FROM v_sales
GROUP BY film_id, movie_title
ORDER BY sales DESC, movie_title
LIMIT 10;

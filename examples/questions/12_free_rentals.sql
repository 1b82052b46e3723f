-- How many payments are of nothing, in each price class of films? Sums of sales alone hide them.
SELECT movie_rental_rate, COUNT(*) AS payments, SUM(CASE WHEN sales_amount = 0 THEN 1 ELSE 0 END) AS free
FROM v_sales
GROUP BY movie_rental_rate
ORDER BY movie_rental_rate;

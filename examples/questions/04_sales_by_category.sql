-- Which categories earn most, and what does one payment bring in each? A film of several categories counts once, under all their names.
SELECT movie_category, SUM(sales_amount) AS sales, ROUND(AVG(sales_amount), 2) AS average_payment
FROM v_sales
GROUP BY movie_category
ORDER BY sales DESC;

-- Which store earns more? A sale belongs to the store that owns the film's copy, as the store was then.
SELECT store_id, store_city, SUM(sales_amount) AS sales
FROM v_sales
GROUP BY store_id, store_city
ORDER BY sales DESC;

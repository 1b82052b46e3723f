-- From which ten countries does the money come? Countries are those in which customers lived when they paid.
SELECT customer_country, COUNT(DISTINCT customer_id) AS customers, SUM(sales_amount) AS sales
FROM v_sales
GROUP BY customer_country
ORDER BY sales DESC
LIMIT 10;

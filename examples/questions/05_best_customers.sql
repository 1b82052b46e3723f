-- Who are the ten best customers, and where do they live today?
SELECT customer_id, customer_name, customer_city_now, customer_country_now, SUM(sales_amount) AS sales
FROM v_sales
GROUP BY customer_id, customer_name, customer_city_now, customer_country_now
ORDER BY sales DESC, customer_id
LIMIT 10;

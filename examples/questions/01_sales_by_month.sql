-- How do sales develop from month to month? The last month is not complete: the data ends on 14 May 2007.
SELECT payment_year_month, COUNT(*) AS payments, SUM(sales_amount) AS sales
FROM v_sales
GROUP BY payment_year_month
ORDER BY payment_year_month;

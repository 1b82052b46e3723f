-- The role that reads the source on PostgreSQL, with rights on exactly the columns that the jobs and verify read.
-- Written by `make generate` from the SOURCES of the scripts. Change the names of role, database and schema, run it as
-- the owner of the tables, and give the role a password with psql's \password.
-- xmin names the transaction that wrote a row. Without the right to read it, every load reads and compares everything.
CREATE ROLE etl_source_reader LOGIN;
GRANT CONNECT ON DATABASE dvdrental TO etl_source_reader;
GRANT USAGE ON SCHEMA public TO etl_source_reader;
GRANT SELECT (
    address_id, address, address2, district, city_id, postal_code, phone, last_update, xmin
) ON public.address TO etl_source_reader;
GRANT SELECT (
    category_id, name, last_update, xmin
) ON public.category TO etl_source_reader;
GRANT SELECT (
    city_id, city, country_id, last_update, xmin
) ON public.city TO etl_source_reader;
GRANT SELECT (
    country_id, country, last_update, xmin
) ON public.country TO etl_source_reader;
GRANT SELECT (
    customer_id, store_id, first_name, last_name, email, address_id, create_date, active, last_update, xmin
) ON public.customer TO etl_source_reader;
GRANT SELECT (
    film_id, title, description, release_year, language_id, rental_duration, rental_rate, length, replacement_cost,
    rating, special_features, last_update, xmin
) ON public.film TO etl_source_reader;
GRANT SELECT (
    film_id, category_id, last_update, xmin
) ON public.film_category TO etl_source_reader;
GRANT SELECT (
    inventory_id, film_id, store_id, xmin
) ON public.inventory TO etl_source_reader;
GRANT SELECT (
    language_id, name, last_update, xmin
) ON public.language TO etl_source_reader;
GRANT SELECT (
    payment_id, customer_id, staff_id, rental_id, amount, payment_date, xmin
) ON public.payment TO etl_source_reader;
GRANT SELECT (
    rental_id, rental_date, inventory_id, return_date, xmin
) ON public.rental TO etl_source_reader;
GRANT SELECT (
    staff_id, first_name, last_name, address_id, email, store_id, active, last_update, xmin
) ON public.staff TO etl_source_reader;
GRANT SELECT (
    store_id, manager_staff_id, address_id, last_update, xmin
) ON public.store TO etl_source_reader;

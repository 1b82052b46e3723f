"""SQL for the members of each dimension as the source has them, written without the jobs' code."""

_ADDRESS = """
    'address', a.address, 'address2', a.address2, 'district', a.district, 'city', ci.city, 'country', co.country,
    'postal_code', a.postal_code, 'phone', a.phone
"""
_JOINS = "JOIN address a USING (address_id) JOIN city ci USING (city_id) JOIN country co USING (country_id)"
SOURCE_MEMBERS = {
    "dim_customer": f"""
        SELECT jsonb_build_object('customer_id', customer_id, 'first_name', first_name, 'last_name', last_name,
            'email', email, {_ADDRESS}, 'active', active, 'create_date', create_date, 'store_id', store_id)::text
        FROM customer {_JOINS} ORDER BY customer_id
    """,
    "dim_staff": f"""
        SELECT jsonb_build_object('staff_id', staff_id, 'first_name', first_name, 'last_name', last_name,
            'email', email, {_ADDRESS}, 'active', active, 'store_id', store_id)::text
        FROM staff {_JOINS} ORDER BY staff_id
    """,
    "dim_store": f"""
        SELECT jsonb_build_object('store_id', s.store_id, {_ADDRESS}, 'manager_staff_id', manager_staff_id,
            'manager_first_name', m.first_name, 'manager_last_name', m.last_name)::text
        FROM store s JOIN staff m ON m.staff_id = manager_staff_id
        JOIN address a ON a.address_id = s.address_id JOIN city ci USING (city_id) JOIN country co USING (country_id)
        ORDER BY s.store_id
    """,
    "dim_movie": """
        SELECT jsonb_build_object('film_id', f.film_id, 'title', title, 'description', description,
            'release_year', release_year, 'language', rtrim(l.name), 'rental_duration', rental_duration,
            'rental_rate', rental_rate, 'length', length, 'replacement_cost', replacement_cost, 'rating', rating,
            'category', (SELECT string_agg(name, ', ' ORDER BY name COLLATE "C")
                FROM film_category fc JOIN category USING (category_id) WHERE fc.film_id = f.film_id),
            'special_features', CASE WHEN special_features IS NOT NULL THEN coalesce(
                (SELECT string_agg(feature, ', ' ORDER BY feature COLLATE "C")
                    FROM unnest(special_features) AS feature), '') END)::text
        FROM film f JOIN language l USING (language_id) ORDER BY f.film_id
    """,
}

-- The role of the warehouse on PostgreSQL. Change the names of role, database and schema, run it as a superuser or as the
-- owner of the database, and give the role a password with psql's \password.
-- Those who read the star: sql_scripts/reporting_group.sql.

-- The jobs and verify. The role owns its schema and what it creates there; elsewhere it has no rights.
CREATE ROLE etl_warehouse_writer LOGIN;
GRANT CONNECT, TEMPORARY ON DATABASE warehouse TO etl_warehouse_writer;
CREATE SCHEMA dw AUTHORIZATION etl_warehouse_writer;

-- Roles of the warehouse on PostgreSQL. Change the names of roles, database and schema, run it as a superuser or as the
-- owner of the database, and give each role a password with psql's \password.

-- The jobs and verify. The role owns its schema and what it creates there; elsewhere it has no rights.
CREATE ROLE etl_warehouse_writer LOGIN;
GRANT CONNECT, TEMPORARY ON DATABASE warehouse TO etl_warehouse_writer;
CREATE SCHEMA dw AUTHORIZATION etl_warehouse_writer;

-- Reports. Tables that the jobs create later are readable, too. The record of rejected rows holds whole rows of the source:
-- take the right away where its readers may not see those.
CREATE ROLE warehouse_reader NOLOGIN;
GRANT CONNECT ON DATABASE warehouse TO warehouse_reader;
GRANT USAGE ON SCHEMA dw TO warehouse_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA dw TO warehouse_reader;
ALTER DEFAULT PRIVILEGES FOR ROLE etl_warehouse_writer IN SCHEMA dw GRANT SELECT ON TABLES TO warehouse_reader;

-- Users of the warehouse on Amazon Redshift. Change the names of users, database and schema, and run it as a superuser.

-- The jobs and verify. The user owns its schema and what it creates there. PASSWORD DISABLE: it logs in by IAM; else write
-- a password in its place.
CREATE USER dvdrental_etl PASSWORD DISABLE;
GRANT TEMPORARY ON DATABASE dev TO dvdrental_etl;
CREATE SCHEMA dw AUTHORIZATION dvdrental_etl;

-- Reports. Tables that the jobs create later are readable, too.
CREATE GROUP reporting;
GRANT USAGE ON SCHEMA dw TO GROUP reporting;
GRANT SELECT ON ALL TABLES IN SCHEMA dw TO GROUP reporting;
ALTER DEFAULT PRIVILEGES FOR USER dvdrental_etl IN SCHEMA dw GRANT SELECT ON TABLES TO GROUP reporting;

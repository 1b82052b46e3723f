-- The user of the warehouse on Amazon Redshift. Change the names of user, database and schema, and run it as a superuser.
-- Those who read the star: sql_scripts/reporting_group.sql.

-- The jobs and verify. The user owns its schema and what it creates there. PASSWORD DISABLE: it logs in by IAM; else write
-- a password in its place.
CREATE USER dvdrental_etl PASSWORD DISABLE;
GRANT TEMPORARY ON DATABASE dev TO dvdrental_etl;
CREATE SCHEMA dw AUTHORIZATION dvdrental_etl;

#!/bin/sh
# Airflow's API server and UI. Its user admin has the password of .env, in the file where Airflow looks for passwords.
set -eu
umask 077
printf '{"admin": "%s"}\n' "$AIRFLOW_ADMIN_PASSWORD" > "$AIRFLOW_HOME/simple_auth_manager_passwords.json.generated"
exec airflow api-server --host 0.0.0.0 --port 8080 --workers 1

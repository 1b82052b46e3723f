"""Runs the DAG in a real Airflow on this machine: `make demo` runs it once, `make airflow` starts the UI."""

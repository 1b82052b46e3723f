"""What the DAG needs of Airflow beside its tasks. Never imports pyspark or the jobs' package."""

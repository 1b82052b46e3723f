"""Rows are validated in Spark and sent to the warehouse: by COPY, or as Parquet files on S3."""

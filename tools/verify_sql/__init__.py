"""The text of the generated files of sql_scripts/verify. Pure: declarations in, SQL out."""

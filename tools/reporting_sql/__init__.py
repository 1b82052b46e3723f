"""The generator of sql_scripts/reporting and of the pages about the star: what analysts see of the warehouse."""

"""What the project needs before or beside its own code: environment, JDBC driver, generated files."""

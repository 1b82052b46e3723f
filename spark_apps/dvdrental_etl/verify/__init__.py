"""Independent checks in plain SQL. Shares no code with the loads."""

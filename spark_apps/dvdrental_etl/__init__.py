"""The mechanics that every load shares: one word a module. The meaning lives in the load_*.py scripts."""

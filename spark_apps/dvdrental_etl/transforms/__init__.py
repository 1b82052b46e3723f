"""Business pieces that several scripts share, as column expressions."""

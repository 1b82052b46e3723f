"""The generator: a rental business of any scale, the same for the same seed."""

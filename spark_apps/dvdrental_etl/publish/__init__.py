"""Pure SQL that makes staged rows live: SCD2 dimensions and facts."""

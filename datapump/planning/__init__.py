"""Plans: what a command would do, found out by the same code with ports that only record."""

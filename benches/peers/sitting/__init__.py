"""One sitting in which other engines and Minions do the same work."""

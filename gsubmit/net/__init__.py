"""Names, addresses and connections: what every leg that dials needs."""

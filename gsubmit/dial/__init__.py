"""Another SMTP server, from its address to the point where it takes mail for our client."""

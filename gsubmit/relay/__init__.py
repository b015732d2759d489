"""The relay leg: connections to the next hop, kept and reused, and mail transactions on them."""

"""What is counted and measured: the figures, and the memory that the workers of a server share for them."""

"""CPU time per message, measured; no test asserts on it."""

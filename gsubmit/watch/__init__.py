"""What an operator asks a running server: who is here, who is to go, how it is."""

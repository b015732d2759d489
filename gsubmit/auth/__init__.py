"""Who may log in: passdbs, password schemes, the chain that asks one passdb after the other."""

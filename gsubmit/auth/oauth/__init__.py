"""Bearer tokens: verified with keys, or by asking the authorization server (RFC 6750, RFC 7519, RFC 7662)."""

"""What is kept of logins: in this process."""

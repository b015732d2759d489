"""What is kept of logins: in this process, in memory and a file that workers share, or in Redis."""

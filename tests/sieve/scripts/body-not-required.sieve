if body :contains "a" { keep; }

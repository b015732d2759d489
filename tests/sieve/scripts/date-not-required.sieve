if date "date" "year" "2026" { keep; }

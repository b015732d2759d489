if header :value "eq" "a" "b" { keep; }

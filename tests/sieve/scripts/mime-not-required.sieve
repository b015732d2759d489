if header :mime "a" "b" { keep; }

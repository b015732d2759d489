if header :comparator "i;ascii-numeric" "a" "b" { keep; }

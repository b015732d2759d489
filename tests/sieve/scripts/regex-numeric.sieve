require ["regex", "comparator-i;ascii-numeric"]; if header :comparator "i;ascii-numeric" :regex "subject" "a" { keep; }

require "ihave"; if not ihave "vnd.example.nonsense" { error "this is wrong"; }

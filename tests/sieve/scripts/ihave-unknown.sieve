require "ihave";
if ihave "vnd.example.nonsense" { nonsense :very "much" { such; } } elsif not true { discard; } else { keep; }

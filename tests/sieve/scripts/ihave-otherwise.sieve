require "ihave"; if ihave "vnd.example.nonsense" { keep; } nonsense;

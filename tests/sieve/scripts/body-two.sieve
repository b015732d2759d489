require "body"; if body :raw :text :contains "a" { keep; }

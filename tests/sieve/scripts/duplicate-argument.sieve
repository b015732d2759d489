require "duplicate"; if duplicate "1" { keep; }

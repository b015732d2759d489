require "duplicate";
if duplicate :seconds 0 { discard; }
if duplicate :seconds 0 :last { discard; }

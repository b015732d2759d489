require "editheader"; deleteheader :comparator "X-One" "X-Two";

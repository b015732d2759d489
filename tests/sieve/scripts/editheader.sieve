require "editheader"; addheader "X-Added" "yes"; deleteheader "X-Hello"; redirect "one@example.org";

require "editheader"; addheader "X-Added" "yes"; keep;

require "variables"; set :title "a" "b";

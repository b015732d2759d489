require "variables"; set "${a}" "a";

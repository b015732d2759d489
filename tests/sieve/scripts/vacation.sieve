require "vacation"; vacation "I am out.";

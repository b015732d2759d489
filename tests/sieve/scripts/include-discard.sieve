require "include"; include "discards";

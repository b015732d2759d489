require "include"; include :optional "nowhere";

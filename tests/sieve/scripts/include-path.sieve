require "include"; include "../scripts/stop";
